/** The Debian package under a systemd of its own: the life of a machine with it. */

import { readFileSync } from "node:fs";
import { until } from "./guest/hosts.ts";
import { type Systemd, startSystemd } from "./systemd.ts";

/** A machine with the package; each step returns what its test compares. */
export type Machine = {
  /** Standard output of a command that must succeed. */
  must(command: string): string;
  readonly systemd: Systemd;
  /**
   * What a command says once it says `what`, or at the end of a wait, whatever its exit code: lines
   * get into the journal some time after what they tell of.
   */
  says(command: string, what: RegExp): Promise<string>;
  /** Process of the running service. */
  pid(): number;
  /** Waits for another process than `before`, and until it is ready. */
  restarted(before: number): Promise<number>;
};

export const TOKEN = "the-token-of-the-test-0123456789";

const CONFIGURATION = `# of this machine
[dataplane]
kind = "none"
[status]
token_file = "/etc/erouted/status.token"
[[egroup]]
name = "sites"
database = "sqlite:/var/lib/erouted/peers.db"
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
`;

/** The package is installed, nothing else. */
export async function installPackage(deb: string): Promise<Machine> {
  const systemd = await startSystemd();
  const must = (command: string) => {
    const { code, out, err } = systemd.run(command);
    if (code !== 0) throw new Error(`${command}: ${code}\n${out}${err}`);
    return out;
  };
  const says = async (command: string, what: RegExp) => {
    const words = () => {
      const { out, err } = systemd.run(command);
      return out + err;
    };
    await until(`${command} says ${what}`, async () => what.test(words())).catch(() => undefined);
    return words();
  };
  const pid = () => Number(must("systemctl show -p MainPID --value erouted"));
  const restarted = async (before: number) => {
    const isNew = async () =>
      systemd.run("systemctl is-active erouted").code === 0 && pid() !== before;
    await until("the service runs anew", isNew, 30_000);
    return pid();
  };
  systemd.write("/mnt/erouted.deb", readFileSync(deb));
  must("dpkg -i /mnt/erouted.deb");
  return { must, systemd, says, pid, restarted };
}

/** As docs/packages.md says: secrets, then the table. */
export function configureMachine({ must, systemd }: Machine): void {
  systemd.write("/etc/erouted/erouted.toml", CONFIGURATION);
  systemd.write("/mnt/status.token", `${TOKEN}\n`);
  must("install -o root -g erouted -m 640 /mnt/status.token /etc/erouted/");
  must("runuser -u erouted -- erouted peers init");
  // The watchdog's time, which is 30 s in the unit.
  must("mkdir -p /run/systemd/system/erouted.service.d");
  systemd.write("/run/systemd/system/erouted.service.d/test.conf", "[Service]\nWatchdogSec=2s\n");
  must("systemctl daemon-reload");
}

/** The same package as the next version, with another default configuration. */
export function makeNextVersion({ must }: Machine): void {
  must(`mkdir /mnt/next && dpkg-deb -R /mnt/erouted.deb /mnt/next && cd /mnt/next &&
    sed -i 's/^Version: .*/Version: 99.0/' DEBIAN/control &&
    echo '# of the next version' >>etc/erouted/erouted.toml &&
    dpkg-deb -Znone -b . /mnt/next.deb && rm -rf /mnt/next`);
}
