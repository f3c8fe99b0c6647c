/** What the section of the HTTP interface refuses, each with the fault that the user reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./faults.ts";
import { loadConfig } from "./load.ts";

function faultsOf(path: string, value: unknown, env: Record<string, string> = {}): readonly string[] {
  try {
    loadConfig({ env, flags: value === undefined ? [] : [{ name: "--set", path, value }] });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map((fault) => `${fault.path}: ${fault.message}`);
  }
  return [];
}

test("proxies are named one by one or as networks: all addresses, and a number of proxies, are refused", () => {
  const expected = /^api\.trustProxy: expected false, or a list of addresses and networks of proxies, .*, got /;
  for (const value of [true, 1, "loopback", [], "10.0.0.0/8"]) {
    assert.match(faultsOf("api.trustProxy", value).join("\n"), expected, JSON.stringify(value));
  }
  for (const value of ["0.0.0.0/0", "::/0", "proxy", "10.0.0.0/33"]) {
    assert.match(faultsOf("api.trustProxy", ["127.0.0.1", value]).join("\n"), /^api\.trustProxy: /, value);
  }
  assert.deepEqual(faultsOf("api.trustProxy", ["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"]), []);
  assert.deepEqual(faultsOf("api.trustProxy", false), []);
  assert.match(faultsOf("", undefined, { WV_API_TRUST_PROXY: "true" }).join(), expected);
  const env = { WV_API_TRUST_PROXY: '["10.0.0.1"]' };
  assert.deepEqual(loadConfig({ env }).api.trustProxy, ["10.0.0.1"]);
});

test("the staff does not get all streams", () => {
  assert.match(
    faultsOf("api.maxStreams", 20).join(),
    /^api\.maxStreams: 20 streams kept for the staff leave customers none/,
  );
  assert.deepEqual(faultsOf("api.maxStreams", 21), []);
});
