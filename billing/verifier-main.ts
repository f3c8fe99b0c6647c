/** The verifier as a file of its own (`npm run receipt -- bundle`): runs with Node alone, in any folder. */
import { receiptCommand } from "./receipt-command.ts";

process.exitCode = await receiptCommand(process.argv, (text) => process.stdout.write(text));
