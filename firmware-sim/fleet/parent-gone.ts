/**
 * Preloaded into every process that a supervisor starts: ends it when whoever started it is gone, from its first moment
 * on. A role that still waits for its broker would else wait for ever, for nobody.
 */
if (process.send !== undefined) {
  const end = (): void => {
    process.kill(process.pid, "SIGTERM");
  };
  if (process.connected) process.once("disconnect", end);
  else end();
}

export {};
