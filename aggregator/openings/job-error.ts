/** Why this aggregator does not open a job. The code goes to analytics, the indices name inputs of the transcript. */
import type { JobRefusalCode } from "../../protocol/messages/ckks.ts";

/** As the message's schema has it. */
const MAX_WHERE = 4_096;

export class JobError extends Error {
  readonly code: JobRefusalCode;
  readonly where: readonly number[];

  constructor(code: JobRefusalCode, message: string, where: readonly number[] = [], options?: ErrorOptions) {
    super(message.slice(0, 1000), options);
    this.name = "JobError";
    this.code = code;
    this.where = where.slice(0, MAX_WHERE);
  }
}
