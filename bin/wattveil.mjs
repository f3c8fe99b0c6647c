#!/usr/bin/env node
/**
 * `wattveil <command>`: the commands of `npm run`, for whoever has installed this as a package. Files and folders are
 * relative to where it is called.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import process from "node:process";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Scripts that start a program, with node's own flags and the program; the others are for developers. */
const PROGRAM = /^node ((?:--\S+ )*)config\/runtime\/start\.mjs (\S+)$/;

/** @returns {Map<string, { flags: string[], program: string }>} */
function commands() {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
  const found = Object.entries(scripts).flatMap(([name, script]) => {
    const [, flags, program] = PROGRAM.exec(String(script)) ?? [];
    return program === undefined ? [] : [{ name, flags: (flags ?? "").split(" ").filter(Boolean), program }];
  });
  return new Map(found.map(({ name, ...how }) => [name, how]));
}

/** @param {Iterable<string>} names */
function help(names) {
  return [
    "Usage: wattveil <command> [flags]",
    "",
    "Private smart metering: nobody can read a reading; bills and feeder loads still come out right.",
    "",
    `Commands: ${[...names].join(", ")}`,
    "",
    "wattveil <command> --help tells what a command does. Documentation says `npm run <command> -- <flags>` for",
    "`wattveil <command> <flags>`. wattveil fleet runs a whole simulated system.",
    "",
  ].join("\n");
}

const [name, ...args] = process.argv.slice(2);
const known = commands();
const command = known.get(name ?? "");
if (command !== undefined) {
  const start = `${ROOT}config/runtime/start.mjs`;
  const child = spawn(process.execPath, [...command.flags, start, command.program, ...args], { stdio: "inherit" });
  // The terminal gives a Ctrl-C to both; a signal from elsewhere comes to this process alone.
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
} else if (name === undefined || ["help", "--help", "-h"].includes(name)) {
  process.stdout.write(help(known.keys()));
} else {
  process.stderr.write(`wattveil: unknown command "${name}"\n\n${help(known.keys())}`);
  process.exitCode = 2;
}
