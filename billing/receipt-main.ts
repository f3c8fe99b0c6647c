/** `npm run receipt -- verify FILE`, and `npm run receipt -- bundle FILE`, which makes the verifier one file. */
import { bundleVerifier } from "./bundle.ts";
import { RECEIPT_EXIT, receiptCommand } from "./receipt-command.ts";

const [, , verb, file, ...more] = process.argv;
const print = (text: string): void => void process.stdout.write(text);
if (verb !== "bundle") {
  process.exitCode = await receiptCommand(process.argv, print);
  if (verb === undefined || verb === "--help") print("\nbundle <file>: writes the verifier as one file for Node\n");
} else if (file === undefined || file.startsWith("-") || more.length > 0) {
  process.stderr.write("receipt bundle: expected the file to write, as in npm run receipt -- bundle verifier.mjs\n");
  process.exitCode = RECEIPT_EXIT.usage;
} else {
  print(`${await bundleVerifier(file)} bytes written to ${file}; node ${file} verify FILE --key log.key\n`);
}
