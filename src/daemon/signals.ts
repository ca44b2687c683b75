/** Signals that end the daemon. */

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
