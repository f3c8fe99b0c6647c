/** Keys of a real SEAL installation as raw residues, for tests of opening. */
import { Ring, type RnsPoly } from "../../ring/ring.ts";
import { readCiphertextHeader, readPlaintext, readPolys, writeCiphertext } from "../../seal/layout.ts";
import { loadSeal, type SealCiphertext, type SealLibrary } from "../../seal/load.ts";
import type { PublicKeyPolys } from "../zero.ts";

// The library types its constants as any.
type Compression = Parameters<SealCiphertext["saveArray"]>[0];
type Scheme = Parameters<SealLibrary["EncryptionParameters"]>[0];
type Security = Parameters<SealLibrary["Context"]>[2];

/** A SEAL context with fresh keys, and our ring over its primes. Lives until the test process ends. */
export async function sealKeys(degree: number, primeBits: readonly number[]) {
  const seal = await loadSeal();
  const raw = seal.ComprModeType.none as Compression;
  const parameters = seal.EncryptionParameters(seal.SchemeType.ckks as Scheme);
  parameters.setPolyModulusDegree(degree);
  const moduli = seal.CoeffModulus.Create(degree, Int32Array.from(primeBits));
  const primes = [...moduli.toArray()].map(BigInt);
  parameters.setCoeffModulus(moduli);
  const context = seal.Context(parameters, true, seal.SecurityLevel.none as Security);
  const generator = seal.KeyGenerator(context);
  const sealPublic = generator.createPublicKey();
  const ring = Ring.create(degree, primes);
  const data = primes.length - 1;
  const wholeSecret = readPlaintext(generator.secretKey().saveArray(raw), degree, primes.length).poly;
  const publicBytes = sealPublic.saveArray(raw);
  const [p0, p1] = readPolys(publicBytes, readCiphertextHeader(publicBytes));
  const publicKey: PublicKeyPolys = [p0!, p1!];
  const encoder = seal.CKKSEncoder(context);
  const encryptor = seal.Encryptor(context, sealPublic);
  const decryptor = seal.Decryptor(context, generator.secretKey());
  const evaluator = seal.Evaluator(context);
  return {
    ring,
    data,
    publicKey,
    evaluator,
    relinKeys: () => generator.createRelinKeys(),
    secret: wholeSecret.slice(0, data * degree),
    /** The plaintext's residues as SEAL encodes them, in NTT form. */
    encode(values: Float64Array, scale: number): RnsPoly {
      const plain = seal.PlainText();
      encoder.encode(values, scale, plain);
      return readPlaintext(plain.saveArray(raw), degree, data).poly;
    },
    encrypt(values: Float64Array, scale: number): SealCiphertext {
      const plain = seal.PlainText();
      encoder.encode(values, scale, plain);
      const ciphertext = seal.CipherText();
      encryptor.encrypt(plain, ciphertext);
      return ciphertext;
    },
    rawOf(ciphertext: SealCiphertext): { c0: RnsPoly; c1: RnsPoly; level: number; scale: number } {
      const bytes = ciphertext.saveArray(raw);
      const header = readCiphertextHeader(bytes);
      const [c0, c1] = readPolys(bytes, header);
      return { c0: c0!, c1: c1!, level: header.level, scale: header.scale };
    },
    /** SEAL's own decryption: the plaintext's coefficients, and its decoded slots. */
    decrypt(ciphertext: SealCiphertext): { coefficients: RnsPoly; slots: Float64Array } {
      const plain = seal.PlainText();
      decryptor.decrypt(ciphertext, plain);
      const { poly } = readPlaintext(plain.saveArray(raw), degree, ciphertext.coeffModulusSize);
      return { coefficients: ring.inverse(poly), slots: encoder.decode(plain) };
    },
    load(polys: readonly RnsPoly[], level: number, scale: number, like: SealCiphertext): SealCiphertext {
      const parmsId = like.saveArray(raw).slice(16, 48);
      const ciphertext = seal.CipherText();
      ciphertext.loadArray(context, writeCiphertext({ polys, level, scale, ntt: true }, degree, parmsId));
      return ciphertext;
    },
  };
}
