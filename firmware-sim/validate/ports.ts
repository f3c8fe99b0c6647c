/** Is each port of the broker free for it, or does our broker answer there already, or is someone else in the way? */
import { readdirSync } from "node:fs";
import { connect as connectPlain, createServer, type Socket } from "node:net";
import { join, resolve } from "node:path";
import { connect as connectTls } from "node:tls";
import type { Config } from "../../config/index.ts";
import { openParty, type Party } from "../../config/keys/index.ts";
import { filterOf } from "../../protocol/topics.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, note, fault } = findingsOf("broker");
const WAIT_MILLISECONDS = 2_000;

/** A CONNECT of MQTT 3.1.1 with a clean session and no client id, as the public listener takes it. */
const CONNECT = Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 30, 0, 0]);
const CONNACK = 0x20;
const SUBACK = 0x90;
const DENIED = 0x80;
/** Everyone may read the first on our broker, and nobody without a certificate the second: others know no such rule. */
const SUBSCRIBE = subscribePacket(["wv/1/pub/#", filterOf("share", {})]);

type PortName = "tlsPort" | "wssPort" | "publicPort";

/** Checks the broker of this machine; one on another machine is only asked whether it answers. */
export async function checkPorts(config: Config): Promise<Finding[]> {
  const { host, listen, tlsPort, wssPort, publicPort } = config.broker;
  const party = anyParty(join(resolve(config.paths.data), "keys"));
  return Promise.all([
    checkPort("tlsPort", tlsPort, listen, host, (port) => answersTls(host, port, party)),
    checkPort("wssPort", wssPort, listen, host, (port) => answersTls(host, port, party)),
    checkPort("publicPort", publicPort, "127.0.0.1", "127.0.0.1", answersMqtt),
  ]);
}

/** Identity for the question; without one nobody can tell whose broker it is. */
function anyParty(keys: string): Party | undefined {
  let names: string[];
  try {
    names = readdirSync(keys).filter((name) => !name.startsWith("."));
  } catch {
    return undefined;
  }
  for (const name of names) {
    try {
      const party = openParty(join(keys, name));
      // The broker's own certificate is not for clients.
      if (party.role !== "broker") return party;
    } catch {
      // Broken folders have their own finding.
    }
  }
  return undefined;
}

async function checkPort(
  name: PortName,
  port: number,
  listen: string,
  host: string,
  isOurs: (port: number) => Promise<boolean>,
): Promise<Finding> {
  const check = `broker.${name}`;
  if (port === 0) return ok(check, "the system chooses a free one");
  const bound = await tryListen(port, listen);
  if (bound === "free" && isHere(host)) return ok(check, `port ${port} is free`);
  if (await isOurs(port)) return ok(check, `our broker answers on ${host}:${port}`);
  if (!isHere(host))
    return note(check, `no broker of ours answers on ${host}:${port}`, "start it there: npm run broker");
  if (bound === "taken") {
    const remedy = `stop that program, or set ${check} (npm run fleet takes a free port by itself)`;
    return fault(check, `port ${port} is taken by another program`, remedy);
  }
  return fault(check, `${listen}:${port} cannot be listened on (${bound})`, "set broker.listen or the port otherwise");
}

function isHere(host: string): boolean {
  return ["localhost", "127.0.0.1", "::1", "0.0.0.0"].includes(host);
}

/** `free`, `taken`, or the system's code for another reason. */
function tryListen(port: number, host: string): Promise<string> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      done(error.code === "EADDRINUSE" ? "taken" : (error.code ?? "unknown"));
    });
    server.listen(port, host, () => server.close(() => done("free")));
  });
}

/** Mutual TLS with one of our identities, and the certificate of our broker on the other side. */
function answersTls(host: string, port: number, party: Party | undefined): Promise<boolean> {
  if (party === undefined) return Promise.resolve(false);
  return new Promise((done) => {
    const socket = connectTls({ host, port, ...party.tls, checkServerIdentity: () => undefined });
    finish(socket, done);
    socket.once("secureConnect", () => {
      const { subject } = socket.getPeerCertificate();
      done(socket.authorized && subject.CN === "broker" && subject.OU === "broker");
      socket.destroy();
    });
  });
}

function answersMqtt(port: number): Promise<boolean> {
  return new Promise((done) => {
    let bytes = Buffer.alloc(0);
    const socket = connectPlain(port, "127.0.0.1", () => socket.write(CONNECT));
    finish(socket, done);
    const end = (ours: boolean): void => {
      done(ours);
      socket.destroy();
    };
    socket.on("data", (chunk: Buffer) => {
      const asked = bytes.length >= CONNACK_BYTES;
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < CONNACK_BYTES) return;
      if (bytes[0] !== CONNACK || bytes[3] !== 0) end(false);
      else if (!asked) socket.write(SUBSCRIBE);
      // Retained messages come after the answer to the subscription, if at all.
      const answer = bytes.subarray(CONNACK_BYTES, CONNACK_BYTES + SUBACK_BYTES);
      if (answer.length < SUBACK_BYTES) return;
      end(answer[0] === SUBACK && answer[4]! < DENIED && answer[5] === DENIED);
    });
  });
}

const CONNACK_BYTES = 4;
const SUBACK_BYTES = 6;

function subscribePacket(filters: readonly string[]): Buffer {
  const parts = filters.map((filter) => Buffer.from(filter));
  const body = parts.flatMap((part) => [Buffer.from([0, part.length]), part, Buffer.from([0])]);
  const length = body.reduce((sum, { length: bytes }) => sum + bytes, 2);
  return Buffer.concat([Buffer.from([0x82, length, 0, 1]), ...body]);
}

/** No answer is an answer: not ours. */
function finish(socket: Socket, done: (ours: boolean) => void): void {
  socket.setTimeout(WAIT_MILLISECONDS, () => socket.destroy());
  socket.once("error", () => done(false));
  socket.once("close", () => done(false));
}
