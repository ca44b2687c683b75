/** Signals that end the daemon, or have it read its configuration anew. */

/** Resolves with the name of the first SIGTERM or SIGINT; a second one ends the process at once. */
export function waitForSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isSecond = false;
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      process.on(name, () => {
        if (isSecond) process.exit(1);
        isSecond = true;
        resolve(name);
      });
    }
  });
}

/** Calls back for each SIGHUP, which ends a process otherwise. */
export function onHangup(callback: () => void): void {
  process.on("SIGHUP", callback);
}
