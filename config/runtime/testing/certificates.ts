/** A throw-away authority for tests: certificates with the subjects that the broker and the links look at. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";

export interface TestTls {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const NOT_BEFORE = new Date("2020-01-01T00:00:00Z");
const NOT_AFTER = new Date("2099-01-01T00:00:00Z");

type Pair = webcrypto.CryptoKeyPair;

function newPair(): Promise<Pair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

export class TestAuthority {
  readonly #keys: Pair;
  readonly #ca: string;
  #serial = 1;

  private constructor(keys: Pair, ca: string) {
    this.#keys = keys;
    this.#ca = ca;
  }

  static async create(): Promise<TestAuthority> {
    cryptoProvider.set(webcrypto as never);
    const keys = await newPair();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: "CN=test authority",
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
      signingAlgorithm: ALGORITHM,
      keys: keys as never,
      extensions: [
        new BasicConstraintsExtension(true, 1, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new TestAuthority(keys, certificate.toString("pem"));
  }

  /** A party's key and certificate: CN is its id, OU its role. */
  async issue(id: string, role: string): Promise<TestTls> {
    const keys = await newPair();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: (++this.#serial).toString(16).padStart(4, "0"),
      subject: `CN=${id}, OU=${role}`,
      issuer: "CN=test authority",
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey as never,
      signingKey: this.#keys.privateKey as never,
    });
    const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
    return { key, cert: certificate.toString("pem"), ca: this.#ca };
  }
}
