/**
 * A PostgreSQL server of its own for tests and measurements: in a temporary folder, on a free port of this machine, gone with the process
 * that started it. Root may not run one, so that then it is the system's nobody. Tests that use it say `// needs: initdb`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { connectToPostgres } from "./open.ts";
import { serverProgram } from "./programs.ts";

const NOBODY = 65_534;
const DATABASE = "wattveil";
const OWNER = "wattveil";

/** One that nothing listens on now; the server cannot choose one itself. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

export interface TemporaryServerOptions {
  /** As a real server has it; without it a test does not wait for the disk. */
  readonly durable?: boolean;
  /** PEM of the key and the certificate by which it proves its name. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export class TemporaryServer {
  readonly folder: string;
  readonly port: number;
  readonly #options: TemporaryServerOptions;
  #server: ChildProcess | undefined;

  private constructor(folder: string, port: number, options: TemporaryServerOptions) {
    this.folder = folder;
    this.port = port;
    this.#options = options;
  }

  /** Runs, and has the database that `place` names. */
  static async start(options: TemporaryServerOptions = {}): Promise<TemporaryServer> {
    const folder = mkdtempSync(path.join(tmpdir(), "wattveil-postgres-"));
    const server = new TemporaryServer(folder, await freePort(), options);
    process.once("exit", () => server.#remove());
    server.#initialise();
    await server.resume();
    server.query(`CREATE DATABASE ${DATABASE}`, "postgres");
    return server;
  }

  get #identity(): { uid: number; gid: number } | undefined {
    return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined;
  }

  get #data(): string {
    return path.join(this.folder, "data");
  }

  #initialise(): void {
    mkdirSync(this.#data, { mode: 0o700 });
    const identity = this.#identity;
    for (const one of identity === undefined ? [] : [this.folder, this.#data]) chownSync(one, NOBODY, NOBODY);
    const flags = ["-D", this.#data, "-U", OWNER, "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync"];
    const made = spawnSync(serverProgram("initdb"), flags, { ...identity, cwd: this.folder, encoding: "utf8" });
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr || String(made.error)}`);
    const { tls } = this.#options;
    // The names under which the server looks for them.
    for (const [name, text] of tls === undefined
      ? []
      : ([
          ["server.key", tls.key],
          ["server.crt", tls.cert],
        ] as const)) {
      const file = path.join(this.#data, name);
      writeFileSync(file, text, { mode: 0o600 });
      if (identity !== undefined) chownSync(file, identity.uid, identity.gid);
    }
  }

  /** Starts it, also after `kill`. Resolves when it takes connections. */
  async resume(): Promise<void> {
    const { durable = false, tls } = this.#options;
    const all = [
      ...["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=50", "shared_buffers=32MB"],
      ...(durable ? [] : ["fsync=off", "full_page_writes=off"]),
      ...(tls === undefined ? [] : ["ssl=on"]),
    ].flatMap((setting) => ["-c", setting]);
    const server = spawn(serverProgram("postgres"), ["-D", this.#data, "-p", String(this.port), ...all], {
      ...this.#identity,
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      let said = "";
      server.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("ready to accept connections")) resolve();
      });
      server.once("exit", () => reject(new Error(`postgres has ended: ${said}`)));
      server.once("error", reject);
    });
  }

  /** `SIGQUIT` ends it and its children at once, without a checkpoint: what is on disk is what was committed. */
  async kill(signal: "SIGQUIT" | "SIGINT" = "SIGQUIT"): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server?.exitCode !== null) return;
    const ended = once(server, "exit");
    server.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #remove(): void {
    this.#server?.kill("SIGQUIT");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  /** The address without a schema. */
  get url(): string {
    return `postgresql://${OWNER}@127.0.0.1:${this.port}/${DATABASE}`;
  }

  /** Where a party's store is. */
  place(schema: string, user = OWNER): string {
    return `postgresql://${user}@127.0.0.1:${this.port}/${DATABASE}#${schema}`;
  }

  /** A login and a schema for a party, as docs/database.md says. */
  addParty(party: string): void {
    const schema = party.replaceAll("-", "_");
    this.query(`CREATE ROLE wattveil_${schema} LOGIN`);
    this.query(`CREATE SCHEMA ${schema} AUTHORIZATION wattveil_${schema}`);
  }

  /** What an administrator may do. Rows as they are, without the rules of parties. */
  query(sql: string, database = DATABASE): unknown[][] {
    const connection = connectToPostgres(`postgresql://${OWNER}@127.0.0.1:${this.port}/${database}`, {});
    try {
      return connection.execute({ sql, runs: [[]] }).rows.map((row) => [...row]);
    } finally {
      connection.close();
    }
  }
}
