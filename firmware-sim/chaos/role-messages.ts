/** What a run under chaos tells the processes of roles, over the channel between parent and child. */

/** Added to what the system's clock says, until it says otherwise. */
export interface WallClockJump {
  readonly type: "wall-clock";
  readonly offsetSeconds: number;
}

/** Databases may not grow from now on. It ends with the process. */
export interface NoRoom {
  readonly type: "no-room";
}

export type RoleFault = WallClockJump | NoRoom;
