/** Public names of the folders of keys: what a process opens at its start. */
export { ckksFolder, loadCkksMaterial, openCkksShare } from "./ckks-files.ts";
export { CkksWatch } from "./ckks-watch.ts";
export { openCustomers } from "./customers-file.ts";
export { KeyFolderError, type KeyFolderErrorCode, REVOCATION_FILE } from "./folder.ts";
export { openMeterKeys } from "./meter-keys-file.ts";
export { customerKeyObject, type MeterSecrets, openCustomerKey, openMeterSecrets } from "./meter-secrets.ts";
export { openParty, type Party } from "./party.ts";
export { refusedSerials } from "./refused-serials.ts";
export { openRoll, readRoll } from "./roll-file.ts";
export { openSubsetKeys } from "./subset-keys-file.ts";
export type { PartyTls } from "../runtime/broker-tls.ts";
