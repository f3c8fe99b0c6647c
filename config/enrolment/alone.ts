/**
 * One process at a time changes keys and lists: each reads them whole and writes them back whole, so that of two at once
 * one would undo what the other has done, a revocation too. A process that was killed keeps nobody away.
 */
import { join } from "node:path";
import { lockDatabase, StorageError } from "../runtime/database.ts";
import { EnrolmentError } from "./files.ts";

/** Throws EnrolmentError while another process is at work on the keys in this folder of data. */
export async function alone<T>(data: string, work: () => Promise<T>): Promise<T> {
  const lock = lockOf(data);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

function lockOf(data: string): ReturnType<typeof lockDatabase> {
  try {
    return lockDatabase(join(data, "enrolment"));
  } catch (cause) {
    if (!(cause instanceof StorageError && cause.code === "locked")) throw cause;
    const text = `another command is changing the keys in ${join(data, "keys")}: repeat this one when it is done`;
    throw new EnrolmentError(text, { cause });
  }
}
