/** `make demo`: plays the scenes of demo-scenes.ts on a kernel with ESP and prints their output. */

import { join } from "node:path";
import { findGround, openPlace } from "../test/real/ground.ts";

const PROJECT = join(import.meta.dir, "..");
const SECONDS_MAX = 600;
const MEMORY_MIB = 1024;

const ground = await findGround();
process.exitCode = await play();

async function play(): Promise<number> {
  if (ground.kind === "none") {
    console.error(`The demo needs a kernel with ESP: ${ground.why}`);
    return 1;
  }
  console.log(
    ground.kind === "host"
      ? "This machine's kernel has ESP: the demo runs in network namespaces of its own."
      : "This machine's kernel has no ESP: booting one that has, as a process (a few seconds).",
  );
  const executable = join(PROJECT, "build/out/erouted");
  const command = {
    script: `EROUTED_EXECUTABLE=${executable} ${process.execPath} build/demo-scenes.ts`,
    directory: PROJECT,
    secondsMax: SECONDS_MAX,
    onOutput: (text: string) => process.stdout.write(text),
  };
  const place = openPlace(ground, MEMORY_MIB);
  const { end } = await place.run(command, async () => undefined);
  await place.close();
  if (end.status === 0) return 0;
  const why = end.timedOut ? `took more than ${SECONDS_MAX} s` : `ended with ${end.status}`;
  console.error(`The demo ${why}.\n${end.console}`);
  return 1;
}
