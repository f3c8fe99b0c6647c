/**
 * The certificate authority: P-256, one self-signed certificate, and client certificates that say who (CN) in which
 * role (OU). The broker's also names the hosts where it is found.
 */
import "reflect-metadata"; // before @peculiar/x509, which needs it when it loads
import { type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";
import type { Role } from "../../protocol/topics.ts";

type Provider = Parameters<typeof cryptoProvider.set>[0];
cryptoProvider.set(webcrypto as unknown as Provider);

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY = 86_400;
const YEAR = 365 * DAY;

/** How long certificates hold; a day of slack at the start for devices whose clock is behind. */
const VALID_YEARS = 20;

export interface Credentials {
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly key: string;
}

export interface CertificateAuthority {
  readonly credentials: Credentials;
  /** DER, for its fingerprint. */
  readonly der: Uint8Array;
  issue(id: string, role: Role, hosts?: readonly string[]): Promise<Credentials>;
  /** The list of certificates that are refused, PEM: RFC 5280, section 5. */
  revocationList(revoked: readonly RevokedCertificate[]): Promise<string>;
}

export interface RevokedCertificate {
  /** Hexadecimal. */
  readonly serial: string;
  /** Unix seconds. */
  readonly at: number;
}

/** What is known of a certificate before another takes its place. */
export interface IssuedCertificate {
  readonly id: string;
  readonly role: string;
  /** Hexadecimal, capitals. */
  readonly serial: string;
  /** Names and addresses in it. */
  readonly hosts: readonly string[];
  /** Unix seconds. */
  readonly notAfter: number;
}

/** Reads a certificate that this authority issued. Throws where it is none. */
export function readCertificate(certificatePem: string | Uint8Array): IssuedCertificate {
  const certificate = new X509Certificate(Buffer.from(certificatePem).toString("utf8"));
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    id: certificate.subjectName.getField("CN")[0] ?? "",
    role: certificate.subjectName.getField("OU")[0] ?? "",
    serial: certificate.serialNumber.toUpperCase(),
    hosts: names.map(({ value }) => value),
    notAfter: Math.floor(certificate.notAfter.getTime() / 1_000),
  };
}

/** Makes a new authority. `now` is in Unix seconds. */
export async function createCertificateAuthority(now: number): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: ["Wattveil CA"] }],
    ...validity(now),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const credentials = { certificate: pem(certificate), key: await privatePem(keys.privateKey) };
  return authority(credentials, certificate, keys.privateKey, now);
}

/** Takes up an existing authority again. */
export async function openCertificateAuthority(
  certificatePem: string,
  key: KeyObject,
  now: number,
): Promise<CertificateAuthority> {
  const der = key.export({ type: "pkcs8", format: "der" });
  const signingKey = await webcrypto.subtle.importKey("pkcs8", der, CURVE, false, ["sign"]);
  const credentials = { certificate: certificatePem, key: key.export({ type: "pkcs8", format: "pem" }).toString() };
  return authority(credentials, new X509Certificate(certificatePem), signingKey, now);
}

function authority(
  credentials: Credentials,
  certificate: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  now: number,
): CertificateAuthority {
  return {
    credentials,
    der: new Uint8Array(certificate.rawData),
    async issue(id, role, hosts = []) {
      const keys = await webcrypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
      const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
      const issued = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: [{ OU: [role] }, { CN: [id] }],
        issuer: certificate.subject,
        ...validity(now),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: SIGNING,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          // The nodes of a broker are each other's clients.
          new ExtendedKeyUsageExtension([
            ...(role === "broker" ? [ExtendedKeyUsage.serverAuth] : []),
            ExtendedKeyUsage.clientAuth,
          ]),
          ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
        ],
      });
      return { certificate: pem(issued), key: await privatePem(keys.privateKey) };
    },
    async revocationList(revoked) {
      const list = await X509CrlGenerator.create({
        issuer: certificate.subject,
        thisUpdate: new Date((now - DAY) * 1000),
        // Whoever has no newer list goes by this one: a list that expired would lock everyone out.
        nextUpdate: certificate.notAfter,
        entries: revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: new Date(at * 1000) })),
        signingAlgorithm: SIGNING,
        signingKey,
      });
      return `${PemConverter.encode(list.rawData, "X509 CRL")}\n`; // the only label that OpenSSL takes
    },
  };
}

function validity(now: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date((now - DAY) * 1000), notAfter: new Date((now + VALID_YEARS * YEAR) * 1000) };
}

/** 127 random bits, positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}(?=.)/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}
