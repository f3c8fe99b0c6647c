/** Registers that several parts of the chip share, and what they mean. Data-space addresses. */
export const MCUSR = 0x54;
export const SMCR = 0x53;
export const SREG = 0x5f;

/** Why the chip started, in MCUSR. */
export const RESET_FLAGS = { power: 1, external: 2, brownOut: 4, watchdog: 8 } as const;
export type ResetCause = keyof typeof RESET_FLAGS;
