/** The life of a router: an empty disk, an update that does not work, and one that does. */

import type { Console } from "./console.ts";

export type Updates = {
  /** Answers of its console, by question. */
  readonly answers: Readonly<Record<string, string>>;
  readonly exited: number;
};

/** Looks good until it has to run. */
const BAD = '#!/bin/sh\n[ "$1" = --version ] && echo 0.0.0-bad && exit 0\nexit 1\n';

/** Does all this at the console, over four boots. */
export async function carryOutUpdates(console: Console): Promise<Updates> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(BAD) });
  const answers: Record<string, string> = {};
  const ask = async (name: string, command: string) => {
    answers[name] = await console.run(command);
  };
  const untilUp = "until erouted status >/dev/null 2>&1; do sleep 1; done";
  try {
    await console.shows("init: filling the data disk from this image");
    await console.shows("init: slot a");
    await ask("first boot", `${untilUp}; mount | grep /data; ls /factory`);
    await ask("mark", "echo kept >/data/etc/erouted/mark");
    await ask("other sum", "slot-update /data/slots/a/erouted 0123");
    await ask("no executable", "slot-update /data/etc/network.sh");
    await ask("bad update", `slot-update http://10.0.2.2:${server.port}/erouted`);
    console.type("reboot");
    await console.shows("init: slot b does not work, going back");
    await console.shows("init: slot a");
    await ask("back again", `${untilUp}; cat /data/etc/erouted/mark; ls /data/trying`);
    await ask("good update", "slot-update /data/slots/a/erouted");
    console.type("reboot");
    await console.shows("init: slot b works and is kept");
    await ask("updated", "cat /data/etc/erouted/mark /data/slot");
    console.type("poweroff");
    return { answers, exited: await console.exited };
  } finally {
    await server.stop(true);
  }
}
