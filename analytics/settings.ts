/** Bounds of the process that no installation needs to tune; what it may tune stands in the configuration. */

export const MIB = 1024 * 1024;

export const DAY_SECONDS = 86_400;

export const LIMITS = {
  /** Unfinished messages of meters: a `strong` ciphertext has up to 7 MiB. */
  chunks: { maxBytes: 16 * MIB, totalBytes: 512 * MIB, maxAgeSeconds: 600 },
  /** Ciphertexts that wait for their check or commit. */
  waitingBytes: 64 * MIB,
  commitBytes: 16 * MIB,
  commitMilliseconds: 20,
  /** Ciphertexts in one message to an aggregator. */
  inputsMessageBytes: 4 * MIB,
  /** Times that a job is computed anew without inputs that were objected to. */
  attempts: 8,
  /** Requests are repeated at least every so many times `analytics.retrySeconds`. */
  backoff: 15,
  /** Simulated time may tick far more often than jobs have anything new to do. */
  pollMilliseconds: 20,
  /** Requests of commands are seen within this. */
  tickMilliseconds: 250,
  statsMilliseconds: 5_000,
  forgetMilliseconds: 3_600_000,
} as const;
