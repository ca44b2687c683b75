/** Signals that end the daemon, or make it read its configuration again. */

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

/** Calls back for each SIGHUP, which would otherwise end the process. */
export function onHangup(callback: () => void): void {
  process.on("SIGHUP", callback);
}
