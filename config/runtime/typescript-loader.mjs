/**
 * Loads TypeScript in a worker thread: `--import tsx` does nothing there, since tsx takes the thread that started the
 * process for the only one (Node 20). Given to a thread by `TYPESCRIPT_THREAD`.
 */
import { register } from "tsx/esm/api";

register();
