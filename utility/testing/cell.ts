/** A reading as fake aggregators hold it. */
export interface Cell {
  readonly meter: string;
  readonly feeder: string;
  readonly kind: number;
  readonly slot: number;
  readonly value: number;
  /** Another version of the same reading has another tag and other shares. */
  readonly version?: number;
}
