/** Public names of the key directory. */
export { type Directory, openDirectory, sealDirectory, type ServerKeys } from "./directory.ts";
export { type MeterKey, openMeterKeyList, sealMeterKeys } from "./meter-keys.ts";
export {
  openSubsetKeyList,
  sealSubsetKeys,
  SUBSET_DEALING_BYTES,
  type SubsetKeyList,
} from "./subset-keys.ts";
export { publicKeyFromRaw, rawPrivateKey, rawPublicKey } from "./raw.ts";
export {
  type CkksEpoch,
  type CkksManifest,
  type CkksPart,
  type CkksSet,
  DEALING_BYTES,
  openCkksManifest,
  sealCkksManifest,
} from "./ckks-manifest.ts";
