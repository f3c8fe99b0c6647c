/**
 * What a party shows and trusts in TLS, as its folder says now: a renewed certificate, or a new list of refused ones,
 * counts for a running process from its next connection on.
 */
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import type { PartyTls } from "../runtime/broker-tls.ts";
import { fileVersion, KeyFolderError, readKeyFile, REVOCATION_FILE } from "./folder.ts";
import { parse, privateKey, refuse } from "./trust.ts";

const FILES = ["identity.crt", "identity.key", REVOCATION_FILE];

export class TlsFiles {
  readonly #folder: string;
  readonly #ca: string;
  readonly #subject: string;
  #version: string;
  #tls: PartyTls;

  /** Throws KeyFolderError where a file is missing, open to others or does not fit the others. */
  constructor(folder: string, ca: string) {
    this.#folder = folder;
    this.#ca = ca;
    this.#version = this.#look();
    this.#tls = readTls(folder, ca);
    this.#subject = new X509Certificate(this.#tls.cert).subject;
  }

  /** The very same one as long as no file was replaced. Files that do not fit yet are looked at again the next time. */
  get current(): PartyTls {
    const version = this.#look();
    if (version === this.#version) return this.#tls;
    try {
      const tls = readTls(this.#folder, this.#ca);
      if (new X509Certificate(tls.cert).subject !== this.#subject) return this.#tls;
      this.#tls = tls;
      this.#version = version;
    } catch (error) {
      // Between the replacement of one file and of the next: what was read before goes on counting.
      if (!(error instanceof KeyFolderError)) throw error;
    }
    return this.#tls;
  }

  #look(): string {
    return FILES.map((name) => fileVersion(this.#folder, name)).join("/");
  }
}

function readTls(folder: string, ca: string): PartyTls {
  const text = (name: string): string => readKeyFile(folder, name).toString("utf8");
  const cert = text("identity.crt");
  const certificate = parse(folder, "identity.crt", () => new X509Certificate(cert));
  const authority = new X509Certificate(ca);
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    refuse(folder, "identity.crt", "is not issued by ca.crt");
  }
  const key = text("identity.key");
  if (!certificate.checkPrivateKey(privateKey(folder, "identity.key", key))) {
    const remedy = "`npm run enrol -- renew` makes both anew where the authority's keys are";
    refuse(folder, "identity.key", `does not belong to identity.crt; ${remedy}`);
  }
  if (!existsSync(join(folder, REVOCATION_FILE))) return { key, cert, ca };
  const crl = text(REVOCATION_FILE);
  // Where it does not parse, the next connection would end the process.
  parse(folder, REVOCATION_FILE, () => createSecureContext({ crl }));
  return { key, cert, ca, crl };
}
