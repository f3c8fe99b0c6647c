import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { loadConfig } from "../../config/index.ts";
import { ChaosNetwork } from "./network.ts";

const { broker } = loadConfig({ env: {} });

/** A server that sends back what it gets. */
async function echo(t: TestContext): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function networkOf(t: TestContext, nodes: readonly string[]): ChaosNetwork {
  const network = new ChaosNetwork({ seed: 1, nodes });
  t.after(() => network.close());
  return network;
}

async function answerOf(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes.toString();
}

/** Resolves when it is closed, in whatever order. */
function closing(socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function connected(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

test("a party that is cut off loses its connections and gets no others, until it is healed; others go on", async (t) => {
  const port = await echo(t);
  const network = networkOf(t, ["broker"]);
  const one = await network.routeOf("a-1", { ...broker, tlsPort: port });
  const other = await network.routeOf("a-2", { ...broker, tlsPort: port });
  const [first, second] = [await connected(t, one.tlsPort), await connected(t, other.tlsPort)];
  assert.equal(await answerOf(first, "hello"), "hello");
  const closed = closing(first);
  const heal = network.break("a-1", { state: "cut" });
  await closed;
  assert.equal(await answerOf(second, "still"), "still");
  const refused = connect({ host: "127.0.0.1", port: one.tlsPort });
  await closing(refused);
  heal();
  assert.equal(await answerOf(await connected(t, one.tlsPort), "again"), "again");
  assert.equal(network.stats().cuts["outage"], 1);
});

test("in silence bytes wait, and arrive when the last of two silences is over", async (t) => {
  const network = networkOf(t, ["broker"]);
  const { tlsPort } = await network.routeOf("utility", { ...broker, tlsPort: await echo(t) });
  const socket = await connected(t, tlsPort);
  assert.equal(await answerOf(socket, "before"), "before");
  const [own, all] = [network.break("utility", { state: "silent" }), network.break("broker", { state: "silent" })];
  const order: string[] = [];
  const answer = answerOf(socket, "later").then((text) => order.push(text));
  own();
  order.push("one healed");
  all();
  await answer;
  assert.deepEqual(order, ["one healed", "later"]);
});

test("a node of a cluster is cut off from everybody, and the other nodes are not", async (t) => {
  const ports = [await echo(t), await echo(t)];
  const network = networkOf(t, ["node-1", "node-2"]);
  const otherNodes = [`127.0.0.1:${ports[1] ?? 0}`];
  const route = await network.routeOf("a-1", { ...broker, tlsPort: ports[0] ?? 0, otherNodes });
  assert.ok(!ports.includes(route.tlsPort));
  network.break("node-1", { state: "cut" });
  const second = Number(route.otherNodes[0]?.split(":")[1]);
  assert.equal(await answerOf(await connected(t, second), "here"), "here");
  const refused = connect({ host: "127.0.0.1", port: route.tlsPort });
  await closing(refused);
});

test("a slow link is slow until it is healed", async (t) => {
  const network = networkOf(t, ["broker"]);
  const { tlsPort } = await network.routeOf("a-1", { ...broker, tlsPort: await echo(t) });
  const socket = await connected(t, tlsPort);
  const timed = async (): Promise<number> => {
    const startedAt = performance.now();
    await answerOf(socket, "ping");
    return performance.now() - startedAt;
  };
  const heal = network.break("a-1", { conditions: { latencyMs: 120, latencySigma: 0, jitterMs: 0 } });
  // Twice 120 ms, less what the timers of the system round off.
  assert.ok((await timed()) >= 230);
  heal();
  const quickest = Math.min(await timed(), await timed(), await timed());
  assert.ok(quickest < 230, `${quickest} ms`);
});
