/** API tokens end with the rights that they were made with, and whoever oversees accounts sees and revokes them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { apiBed } from "../testing/api-bed.ts";

const run = promisify(execFile);

test("a token ends with a new password, another role and disabling, and does not come back; not with other meters", async (t) => {
  const { app, as, context } = await apiBed(t);
  const make = async (): Promise<{ authorization: string }> => {
    const made = await app.inject({ method: "POST", url: "/tokens", headers: as("customer"), payload: { label: "x" } });
    return { authorization: `Bearer ${made.json<{ token: string }>().token}` };
  };
  const change = async (payload: object): Promise<number> =>
    (await app.inject({ method: "PATCH", url: "/accounts/customer", headers: as("admin"), payload })).statusCode;
  const asked = async (headers: Record<string, string>): Promise<number> =>
    (await app.inject({ url: "/session", headers })).statusCode;
  const first = await make();
  assert.equal(await change({ meters: ["m-002"] }), 200);
  assert.equal(await asked(first), 200, "other meters are no other rights of a token");
  for (const payload of [{ password: "a new long password" }, { role: "operator" }, { disabled: true }]) {
    context.store.changeAccount("customer", { disabled: false, role: "customer" });
    context.store.tokens.add(Buffer.from("known"), { account: "customer", label: "x", expiresAt: 4e9 }, 1);
    assert.equal(await change(payload), 200);
    assert.deepEqual(context.store.tokens.of("customer"), [], JSON.stringify(payload));
  }
  assert.equal(await asked(first), 401);
  assert.equal(await change({ disabled: false }), 200);
  assert.equal(await asked(first), 401, "enabled again");
});

test("admins list and revoke tokens of others, auditors list them, nobody else does; so does the command", async (t) => {
  const { app, as, context } = await apiBed(t);
  const { store, config } = context;
  const headers = as("customer");
  await app.inject({ method: "POST", url: "/tokens", headers, payload: { label: "laptop" } });
  const list = async (role: "admin" | "auditor" | "operator") =>
    app.inject({ url: "/accounts/customer/tokens", headers: as(role) });
  const { items } = (await list("admin")).json<{ items: { id: string; label: string }[] }>();
  assert.deepEqual(Object.keys(items[0]!).toSorted(), ["createdAt", "expiresAt", "id", "label", "lastUsed"]);
  assert.deepEqual([items[0]!.label, (await list("auditor")).statusCode], ["laptop", 200]);
  assert.equal((await list("operator")).statusCode, 403);
  assert.equal((await app.inject({ url: "/accounts/nobody/tokens", headers: as("admin") })).statusCode, 404);
  const remove = async (role: "admin" | "auditor", name = "customer"): Promise<number> =>
    (await app.inject({ method: "DELETE", url: `/accounts/${name}/tokens/${items[0]!.id}`, headers: as(role) }))
      .statusCode;
  assert.deepEqual(
    [await remove("auditor"), await remove("admin", "operator"), await remove("admin")],
    [403, 404, 204],
  );
  assert.equal(store.audit(1, undefined)[0]?.detail, `customer: ${items[0]!.id}`);
  assert.deepEqual(store.tokens.of("customer"), []);

  for (const label of ["a", "b", "c"]) {
    await app.inject({ method: "POST", url: "/tokens", headers, payload: { label } });
  }
  const file = path.join(config.paths.data, "config.yaml");
  writeFileSync(file, JSON.stringify({ paths: config.paths }));
  const main = path.resolve(import.meta.dirname, "../accounts-main.ts");
  const command = async (...words: string[]): Promise<string> => {
    const args = ["--import", import.meta.resolve("tsx"), main, ...words, "--json", "--config", file];
    return (await run(process.execPath, args)).stdout;
  };
  const listed = JSON.parse(await command("tokens", "customer")) as { id: string; label: string }[];
  assert.deepEqual(listed.map(({ label }) => label).toSorted(), ["a", "b", "c"]);
  await command("tokens", "customer", "--revoke", listed[0]!.id);
  assert.equal(store.tokens.of("customer").length, 2);
  assert.deepEqual(JSON.parse(await command("tokens", "customer", "--revoke", "all")), {
    name: "customer",
    revoked: 2,
  });
  await assert.rejects(command("tokens", "customer", "--revoke", "x"), /--revoke: customer has no token x/);
  // In a folder where nobody has made an account nothing is left behind.
  const nowhere = path.join(config.paths.data, "TYPO");
  for (const words of [["list"], ["tokens", "eva"], ["remove", "eva"], ["password", "eva"]]) {
    await assert.rejects(command(...words, "--data", nowhere), /TYPO\/api\/api\.db does not exist/, words.join(" "));
  }
  assert.equal(existsSync(nowhere), false);
});
