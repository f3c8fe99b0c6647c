/**
 * Says where a process of node hangs, without having prepared for it: what its threads wait for, and by node's own
 * inspector, which a signal opens, the JavaScript at which it turns in a loop, or what keeps it waiting.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { describeThreads, listProcesses, listeningPorts, familyOf } from "./processes.ts";

/** In milliseconds: for the inspector to listen, for a loop to be stopped, for a waiting process to answer. */
const PATIENCE = 10_000;
const STOP_WITHIN = 3_000;
const LOOK_AGAIN = 100;
const FRAMES = 30;
const NATIVE_FRAMES = 16;

const SILENT = "its JavaScript does not answer: the main thread waits inside node or an add-on";

/** Evaluated in the process: what its loop waits for. */
const WAITS_FOR = `(() => {
  process.report.excludeNetwork = true;
  const { libuv, nativeStack } = process.report.getReport();
  const active = libuv.filter((handle) => handle.is_active && handle.is_referenced);
  const handles = active.map(({ type, pid, localEndpoint, remoteEndpoint, firesInMsFromNow, filename, fd }) =>
    JSON.stringify({ type, pid, local: localEndpoint?.ip4 ?? localEndpoint?.port, remote: remoteEndpoint?.port, firesInMsFromNow, filename, fd }));
  const requests = process.getActiveResourcesInfo().join(", ");
  return [...handles, "resources: " + (requests || "none"), ...nativeStack.slice(0, 8).map(({ symbol }) => symbol)].join("\\n");
})()`;

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly callFrames?: readonly Frame[]; readonly scriptId?: string; readonly url?: string };
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

interface Frame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number };
}

/** Lines about a process, and about the threads of those that it started. The process may be stopped afterwards. */
export async function whereItHangs(id: number): Promise<string[]> {
  const family = familyOf(id, listProcesses());
  const threads = family.flatMap((process) => [
    `process ${process.id}: ${process.command.slice(0, 200)}`,
    ...describeThreads(process.id).map((line) => `  ${line}`),
  ]);
  return [...threads, ...(await javaScript(id)), ...(await nativeStacks(id))];
}

async function javaScript(id: number): Promise<string[]> {
  const before = new Set(listeningPorts(id));
  try {
    process.kill(id, "SIGUSR1");
  } catch {
    return ["it has ended"];
  }
  const deadline = performance.now() + PATIENCE;
  while (performance.now() < deadline) {
    for (const port of listeningPorts(id).filter((listening) => !before.has(listening))) {
      const found = await inspect(port).catch((error: unknown) => [`its inspector: ${String(error)}`]);
      return found;
    }
    await delay(LOOK_AGAIN);
  }
  return [SILENT];
}

async function inspect(port: number): Promise<string[]> {
  const signal = AbortSignal.timeout(PATIENCE);
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`, { signal })).json()) as [
    { readonly webSocketDebuggerUrl: string },
  ];
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  const answers: Answer[] = [];
  let changed: () => void = () => {};
  socket.on("message", (data: Buffer) => {
    answers.push(JSON.parse(data.toString("utf8")) as Answer);
    changed();
  });
  const until = async (wanted: (answer: Answer) => boolean, milliseconds: number): Promise<Answer | undefined> => {
    const end = AbortSignal.timeout(milliseconds);
    while (!end.aborted) {
      const found = answers.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        changed = resolve;
        end.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return undefined;
  };
  try {
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const ask = (number: number, method: string, params = {}): void =>
      socket.send(JSON.stringify({ id: number, method, params }));
    ask(1, "Debugger.enable");
    ask(2, "Debugger.pause");
    const paused = await until(({ method }) => method === "Debugger.paused", STOP_WITHIN);
    if (paused !== undefined) {
      const urls = new Map(answers.map(({ params }) => [params?.scriptId ?? "", params?.url ?? ""]));
      const frames = (paused.params?.callFrames ?? []).slice(0, FRAMES);
      return ["it runs, at:", ...frames.map((frame) => placeOf(frame, urls.get(frame.location.scriptId) ?? ""))];
    }
    ask(3, "Debugger.disable");
    ask(4, "Runtime.evaluate", { expression: WAITS_FOR, returnByValue: true });
    const told = await until((answer) => answer.id === 4, PATIENCE);
    if (told === undefined) return [SILENT];
    return [
      "its loop waits for:",
      ...String(told.result?.result?.value)
        .split("\n")
        .map((line) => `  ${line}`),
    ];
  } finally {
    socket.terminate();
  }
}

/** A frame's place in its source, if what was compiled tells it. */
function placeOf({ functionName, location }: Frame, url: string): string {
  const name = functionName || "(anonymous)";
  const [line, column] = [location.lineNumber, location.columnNumber ?? 0];
  try {
    const file = fileURLToPath(url);
    const encoded = /\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/.exec(
      readFileSync(file, "utf8"),
    )?.[1];
    const map = new SourceMap(
      JSON.parse(Buffer.from(encoded ?? "", "base64").toString("utf8")) as SourceMap["payload"],
    );
    const place = map.findEntry(line, column);
    if ("originalSource" in place) {
      const source = fileURLToPath(new URL(place.originalSource, url));
      return `  ${name} (${relative(process.cwd(), source)}:${place.originalLine + 1}:${place.originalColumn + 1})`;
    }
  } catch {
    // Code of node itself, or without a map: said as it runs.
  }
  return `  ${name} (${url}:${line + 1}:${column + 1})`;
}

/** Where a debugger is installed: what no signal and no inspector tells, the native frames of every thread. */
async function nativeStacks(id: number): Promise<string[]> {
  const script = `thread apply all backtrace ${NATIVE_FRAMES}`;
  const args = ["-p", String(id), "-batch", "-nx", "-ex", "set print frame-arguments none", "-ex", script];
  return new Promise((resolve) => {
    execFile("gdb", args, { timeout: 60_000, maxBuffer: 16 * 2 ** 20 }, (error, stdout) => {
      const lines = stdout.split(/^(?=Thread )/m).filter((thread) => thread.startsWith("Thread "));
      resolve(lines.length > 0 ? lines.map(shortened) : error === null ? [] : ["(no gdb here)"]);
    });
  });
}

/** A thread's functions in a line, innermost first. */
function shortened(thread: string): string {
  const functions = [...thread.matchAll(/^#\d+\s+(?:0x[0-9a-f]+ in )?([^ (]+)/gm)].map(([, name]) => name);
  return `native ${/^Thread \d+/.exec(thread)?.[0] ?? ""}: ${functions.join(" < ")}`;
}
