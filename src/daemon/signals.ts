/** Signals that end the daemon, or make it read its configuration again. */

/**
 * Resolves with the name of the first SIGTERM, SIGINT or SIGUSR2; a second one ends the process at
 * once. SIGUSR2 means that another process goes on: see {@link LEAVE}.
 */
export function waitForSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isSecond = false;
    for (const name of ["SIGTERM", "SIGINT", LEAVE] as const) {
      process.on(name, () => {
        if (isSecond) process.exit(1);
        isSecond = true;
        resolve(name);
      });
    }
  });
}

/** Ends the process and leaves everything as it is, for the next one. */
export const LEAVE = "SIGUSR2";

/** Calls back for each SIGHUP, which would otherwise end the process. */
export function onHangup(callback: () => void): void {
  process.on("SIGHUP", callback);
}
