/** Public names of the key directory. */
export { type Directory, openDirectory, sealDirectory, type ServerKeys } from "./directory.ts";
export { publicKeyFromRaw, rawPrivateKey, rawPublicKey } from "./raw.ts";
