/**
 * The three parts of our HPKE suite (RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305) over
 * node:crypto. The library keeps HPKE itself; its own parts go through WebCrypto's thread pool and JavaScript ciphers,
 * which takes ten times as long. RFC 9180's vectors (A.2) hold for both.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
} from "node:crypto";
import {
  type AeadEncryptionContext,
  AeadId,
  type AeadInterface,
  HkdfSha256,
  KemId,
  type KemInterface,
  NotSupportedError,
} from "@hpke/core";
import { publicKeyFromRaw, RAW_KEY_BYTES, rawPrivateKey, rawPublicKey } from "../keys/raw.ts";

type Bytes = ArrayBufferLike | ArrayBufferView;
/** The library hands keys through untouched; its types know only WebCrypto's. */
type LibraryKey = webcrypto.CryptoKey;

const HASH_BYTES = 32;
const TAG_BYTES = 16;
/** A private key with it gives the public key (RFC 7748, 6.1), in half the time that writing that takes node. */
const BASE_POINT = publicKeyFromRaw("X25519", Uint8Array.of(9, ...new Uint8Array(RAW_KEY_BYTES - 1)));

function view(bytes: Bytes): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/** A buffer of its own: node's small ones share a pool. */
function owned(...parts: Uint8Array[]): ArrayBuffer {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out.buffer;
}

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** HKDF-SHA256 (RFC 5869). The labels of HPKE are the library's. */
export class NodeHkdf extends HkdfSha256 {
  override extract(salt: Bytes, ikm: Bytes): Promise<ArrayBuffer> {
    return Promise.resolve(owned(this.#extract(view(salt), view(ikm))));
  }

  override expand(prk: Bytes, info: Bytes, length: number): Promise<ArrayBuffer> {
    return Promise.resolve(this.#expand(view(prk), view(info), length));
  }

  override extractAndExpand(salt: Bytes, ikm: Bytes, info: Bytes, length: number): Promise<ArrayBuffer> {
    return Promise.resolve(this.#expand(this.#extract(view(salt), view(ikm)), view(info), length));
  }

  #extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
    return hmac(salt.length === 0 ? new Uint8Array(HASH_BYTES) : salt, ikm);
  }

  #expand(prk: Uint8Array, info: Uint8Array, length: number): ArrayBuffer {
    if (length > 255 * HASH_BYTES) throw new RangeError(`length: expected at most ${255 * HASH_BYTES}, got ${length}`);
    const blocks: Uint8Array[] = [];
    for (let i = 1; (i - 1) * HASH_BYTES < length; i++) {
      blocks.push(hmac(prk, blocks.at(-1) ?? new Uint8Array(0), info, Uint8Array.of(i)));
    }
    return owned(...blocks).slice(0, length);
  }
}

/** ChaCha20-Poly1305 (RFC 8439); the tag stands behind the ciphertext. */
export class NodeChacha20Poly1305 implements AeadInterface {
  readonly id = AeadId.Chacha20Poly1305;
  readonly keySize = 32;
  readonly nonceSize = 12;
  readonly tagSize = TAG_BYTES;

  createEncryptionContext(key: Bytes): AeadEncryptionContext {
    const secret = Uint8Array.from(view(key));
    const options = { authTagLength: TAG_BYTES } as const;
    return {
      seal: (iv: Bytes, data: Bytes, aad: Bytes) => {
        const cipher = createCipheriv("chacha20-poly1305", secret, view(iv), options);
        cipher.setAAD(view(aad), { plaintextLength: data.byteLength });
        const body = cipher.update(view(data));
        return Promise.resolve(owned(body, cipher.final(), cipher.getAuthTag()));
      },
      // Async, so that a wrong tag rejects as the library expects it.
      open: async (iv: Bytes, data: Bytes, aad: Bytes) => {
        const bytes = view(data);
        const end = bytes.length - TAG_BYTES;
        if (end < 0) throw new RangeError(`data: expected a tag of ${TAG_BYTES} bytes, got ${bytes.length} in all`);
        const decipher = createDecipheriv("chacha20-poly1305", secret, view(iv), options);
        decipher.setAAD(view(aad), { plaintextLength: end });
        decipher.setAuthTag(bytes.subarray(end));
        const body = decipher.update(bytes.subarray(0, end));
        return await Promise.resolve(owned(body, decipher.final()));
      },
    };
  }
}

/** DHKEM(X25519, HKDF-SHA256), base mode. Keys are node's key objects. A shared secret of zeros is an error. */
export class NodeX25519Kem implements KemInterface {
  readonly id = KemId.DhkemX25519HkdfSha256;
  readonly secretSize = HASH_BYTES;
  readonly encSize = RAW_KEY_BYTES;
  readonly publicKeySize = RAW_KEY_BYTES;
  readonly privateKeySize = RAW_KEY_BYTES;
  readonly #kdf = new NodeHkdf();
  readonly #raw = new WeakMap<KeyObject, Uint8Array>();

  constructor() {
    this.#kdf.init(Uint8Array.of(...Buffer.from("KEM"), 0, this.id));
  }

  /** The key of a raw X25519 public key. */
  publicKey(raw: Uint8Array): LibraryKey {
    return asLibraryKey(publicKeyFromRaw("X25519", raw));
  }

  privateKey(key: KeyObject): LibraryKey {
    return asLibraryKey(key);
  }

  /** `ekm` is for test vectors: an ephemeral private key. */
  async encap({ recipientPublicKey, ekm }: { readonly recipientPublicKey: LibraryKey; readonly ekm?: unknown }) {
    const ephemeral =
      ekm instanceof ArrayBuffer ? privateKeyFromRaw(new Uint8Array(ekm)) : generateKeyPairSync("x25519").privateKey;
    const enc = diffieHellman({ privateKey: ephemeral, publicKey: BASE_POINT });
    const recipient = asKeyObject(recipientPublicKey);
    const sharedSecret = await this.#secret(ephemeral, recipient, enc, this.#publicBytes(recipient));
    return { sharedSecret, enc: owned(enc) };
  }

  async decap({ recipientKey, enc }: { readonly recipientKey: unknown; readonly enc: Bytes }): Promise<ArrayBuffer> {
    const own = asKeyObject(recipientKey);
    const raw = view(enc);
    return await this.#secret(own, publicKeyFromRaw("X25519", raw), raw, this.#publicBytes(own));
  }

  #secret(privateKey: KeyObject, publicKey: KeyObject, enc: Uint8Array, recipient: Uint8Array): Promise<ArrayBuffer> {
    const kdf = this.#kdf;
    const dh = diffieHellman({ privateKey, publicKey });
    const ikm = kdf.buildLabeledIkm(Buffer.from("eae_prk"), dh);
    const context = new Uint8Array(owned(enc, recipient));
    const info = kdf.buildLabeledInfo(Buffer.from("shared_secret"), context, this.secretSize);
    return kdf.extractAndExpand(new Uint8Array(0), ikm, info, this.secretSize);
  }

  #publicBytes(key: KeyObject): Uint8Array {
    let raw = this.#raw.get(key);
    if (raw === undefined) {
      raw = rawPublicKey(key);
      this.#raw.set(key, raw);
    }
    return raw;
  }

  serializePublicKey(key: LibraryKey): Promise<ArrayBuffer> {
    return Promise.resolve(owned(this.#publicBytes(asKeyObject(key))));
  }

  deserializePublicKey(key: Bytes): Promise<LibraryKey> {
    return Promise.resolve(this.publicKey(view(key)));
  }

  serializePrivateKey(key: LibraryKey): Promise<ArrayBuffer> {
    return Promise.resolve(owned(rawPrivateKey(asKeyObject(key))));
  }

  deserializePrivateKey(key: Bytes): Promise<LibraryKey> {
    return Promise.resolve(asLibraryKey(privateKeyFromRaw(view(key))));
  }

  importKey(): Promise<never> {
    return Promise.reject(new NotSupportedError("keys come as node's key objects"));
  }

  generateKeyPair(): Promise<never> {
    return Promise.reject(new NotSupportedError("only encap makes keys here"));
  }

  deriveKeyPair(): Promise<never> {
    return Promise.reject(new NotSupportedError("keys are not derived here"));
  }
}

/** PKCS#8 (RFC 8410) needs the public half nowhere. */
function privateKeyFromRaw(raw: Uint8Array): KeyObject {
  const head = Buffer.from("302e020100300506032b656e04220420", "hex");
  return createPrivateKey({ key: Buffer.concat([head, raw]), format: "der", type: "pkcs8" });
}

function asLibraryKey(key: KeyObject): LibraryKey {
  return key as unknown as LibraryKey;
}

function asKeyObject(key: unknown): KeyObject {
  return key as KeyObject;
}
