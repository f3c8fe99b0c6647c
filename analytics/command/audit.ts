/**
 * Recomputes a job from the ciphertexts that are stored and compares every byte. Needs no key: whoever holds the
 * ciphertexts and the public keys can do it.
 */
import type { Evaluator } from "../homomorphic/evaluator.ts";
import { ComputeError } from "../homomorphic/evaluator.ts";
import type { Job } from "../store/job.ts";
import type { JobStore } from "../store/job-store.ts";

export interface AuditReport {
  readonly job: number;
  readonly transcript: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly milliseconds: number;
  /** What does not fit; empty when all is as the transcript says. */
  readonly findings: readonly string[];
}

/** Throws RangeError for a job that has no transcript yet. */
export async function auditJob(
  job: Job,
  { jobs, evaluator, signal }: { jobs: JobStore; evaluator: Evaluator; signal: AbortSignal },
): Promise<AuditReport> {
  const { number, transcript, job: name } = job;
  if (transcript === undefined || name === undefined) {
    throw new RangeError(`job ${number} is ${job.state}: there is nothing to audit before it is computed`);
  }
  const stored = jobs.outputs(number).map(({ bytes }) => bytes);
  const report = { job: number, transcript: name, inputs: job.total, outputs: stored.length };
  const begun = performance.now();
  try {
    const again = await evaluator.recompute(transcript, { signal, progress: () => {} });
    const findings: string[] = [];
    if (again.job !== name) findings.push(`the transcript's id is ${again.job}, stored as ${name}`);
    if (again.outputs.length !== stored.length) {
      findings.push(`the circuit gives ${again.outputs.length} outputs, ${stored.length} are stored`);
    }
    if (Buffer.compare(again.transcript, transcript) !== 0) {
      findings.push("the recomputation gives another transcript: an output's digest differs");
    }
    for (const [i, output] of again.outputs.entries()) {
      const other = stored[i];
      if (other !== undefined && Buffer.compare(output, other) !== 0)
        findings.push(`output ${i} differs from the stored one`);
    }
    return { ...report, milliseconds: Math.round(performance.now() - begun), findings };
  } catch (error) {
    if (!(error instanceof ComputeError)) throw error;
    return { ...report, milliseconds: Math.round(performance.now() - begun), findings: [error.message] };
  }
}
