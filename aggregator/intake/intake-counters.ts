/** What an intake has done, for the performance log. */

/** Numbers since the start, for the performance log. */
export interface IntakeCounters {
  messages: number;
  slotsStored: number;
  slotsRepeated: number;
  slotsLate: number;
  digests: number;
  updates: number;
  acks: number;
  commits: number;
  hellos: number;
}

export function newIntakeCounters(): IntakeCounters {
  return {
    ...{ messages: 0, slotsStored: 0, slotsRepeated: 0, slotsLate: 0, digests: 0, updates: 0 },
    ...{ acks: 0, commits: 0, hellos: 0 },
  };
}
