/** The router image in an emulated machine, between networks of namespaces. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { freeTcpPort } from "../free-port.ts";
import { addHost, configure, type Host, must, until } from "./guest/hosts.ts";

/** What is on its data disk beside the executable. */
export type RouterData = {
  /** Of the `[status]` section. */
  readonly token: string;
  readonly operateToken: string;
  /** More sections of the configuration. */
  readonly configuration: string;
  /** Makes the table of sites; gets a configuration file that says where to put it. */
  readonly fill: (configFile: string) => void;
  /** More lines of its network.sh; `IP` is an `ip` with all commands. */
  readonly network: string;
};

export type Router = {
  /** Its status server, from outside all networks. */
  readonly url: string;
  /** Both sides of it. */
  readonly internet: Host;
  readonly office: Host;
  /** The output of its console. */
  console(): string;
  stop(): Promise<void>;
};

export const WAN = "192.0.2.1";
export const OFFICE = "10.0.0.10";

const IMAGE = "build/out/image";
const DOCUMENT = "docs/image.md";

/** Builds the image with this data and its networks, and starts it; it is not up yet. */
export async function startRouter(folder: string, data: RouterData): Promise<Router> {
  const disk = join(folder, "disk");
  writeData(disk, data);
  const env = { ...process.env, DATA: disk, COMPRESS: "1" };
  const built = Bun.spawnSync(["build/image.sh"], { env });
  if (!built.success) throw new Error(`build/image.sh: ${built.stderr}`);
  const port = freeTcpPort();
  const taps = { wan: `wan${process.pid}`, lan: `lan${process.pid}` };
  const console = join(folder, "console");
  const machine = Bun.spawn(machineOf(taps, port), {
    ...{ cwd: IMAGE, stdin: "ignore", stdout: Bun.file(console), stderr: "inherit" },
  });
  const hosts = [`internet-${process.pid}`, `office-${process.pid}`];
  const stop = async () => {
    machine.kill("SIGTERM");
    await machine.exited;
    for (const name of hosts) Bun.spawnSync(["ip", "netns", "delete", name]);
  };
  try {
    const [internet, office] = await Promise.all(hosts.map(addHost));
    if (internet === undefined || office === undefined) throw new Error("no hosts");
    await connect(taps, internet, office);
    const shown = () => readFileSync(console, "utf8");
    return { url: `http://127.0.0.1:${port}`, internet, office, console: shown, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A host on the Internet, with a subnet behind it. */
export async function addRemoteSite(internet: Host, number: number): Promise<Host> {
  const host = await addHost(`site-${number}-${process.pid}`);
  await configure(internet, [
    `link add to-site-${number} type veth peer name wan netns ${host.name}`,
    `link set to-site-${number} master br0 up`,
  ]);
  await configure(host, [
    `addr add 192.0.2.${10 + number}/24 dev wan`,
    "link set wan up",
    `addr add 192.168.${number}.1/24 dev lo`,
    `route add default via ${WAN}`,
  ]);
  return host;
}

type Taps = { readonly wan: string; readonly lan: string };

/** As in docs/image.md, in the image's folder; with other cables. */
export function documentedMachine(cables: string): string {
  const documented = /^qemu-system-x86_64 .*?(?=-netdev)/ms.exec(readFileSync(DOCUMENT, "utf8"));
  if (documented === null) throw new Error(`${DOCUMENT} does not start qemu`);
  // The same everywhere, whether or not there is KVM.
  return `${documented[0]} -accel tcg ${cables}`;
}

function machineOf(taps: Taps, port: number): string[] {
  const tap = (name: string) => `tap,id=${name},ifname=${name},script=no,downscript=no`;
  const cables = [
    `-netdev ${tap(taps.wan)} -device virtio-net-pci,netdev=${taps.wan}`,
    `-netdev ${tap(taps.lan)} -device virtio-net-pci,netdev=${taps.lan}`,
    `-netdev user,id=management,hostfwd=tcp:127.0.0.1:${port}-:8080`,
    "-device virtio-net-pci,netdev=management",
  ];
  return ["sh", "-c", `exec ${documentedMachine(cables.join(" "))}`];
}

/** The machine's ends of both cables are moved to where they belong. */
async function connect({ wan, lan }: Taps, internet: Host, office: Host): Promise<void> {
  for (const tap of [wan, lan]) {
    const isThere = async () => Bun.spawnSync(["ip", "link", "show", tap]).success;
    await until(`qemu makes ${tap}`, isThere);
  }
  await must(undefined, ["ip", "link", "set", wan, "netns", internet.name]);
  await must(undefined, ["ip", "link", "set", lan, "netns", office.name]);
  await configure(internet, [
    "link add br0 type bridge",
    "link set br0 up",
    `link set ${wan} master br0 up`,
  ]);
  await configure(office, [
    `addr add ${OFFICE}/16 dev ${lan}`,
    `link set ${lan} up`,
    "route add default via 10.0.0.1",
  ]);
}

const NETWORK = `ip link set eth0 up
ip address add ${WAN}/24 dev eth0
ip link set eth1 up
ip address add 10.0.0.1/16 dev eth1
ip link set eth2 up
ip address add 10.0.2.15/24 dev eth2
ip route add default via 192.0.2.254
`;

/**
 * Puts a program of this host on the router's disk, including libraries; returns the command to run
 * it.
 */
function putProgram(disk: string, name: string): string {
  const folder = `tools/${name}`;
  mkdirSync(join(disk, folder), { recursive: true });
  const program = Bun.which(name);
  if (program === null) throw new Error(`there is no ${name} here`);
  const needs = Bun.spawnSync(["ldd", program]).stdout.toString();
  const files = [...needs.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  for (const file of [program, ...files]) {
    copyFileSync(file, join(disk, folder, basename(file)));
  }
  const loader = basename(files.find((file) => file.includes("/ld-")) ?? "");
  return `/data/${folder}/${loader} --library-path /data/${folder} /data/${folder}/${name}`;
}

function writeData(disk: string, data: RouterData): void {
  for (const path of ["etc/erouted", "lib/erouted"]) {
    mkdirSync(join(disk, path), { recursive: true });
  }
  const write = (path: string, content: string, mode = 0o644) =>
    writeFileSync(join(disk, path), content, { mode });
  const configuration = `[status]
listen = "0.0.0.0:8080"
token_file = "/etc/erouted/status.token"
operate_token_file = "/etc/erouted/operate.token"

${data.configuration}`;
  const network = data.network.replaceAll(/^IP /gm, `${putProgram(disk, "ip")} `);
  write("etc/network.sh", NETWORK + network);
  write("etc/erouted/erouted.toml", configuration);
  write("etc/erouted/status.token", data.token, 0o600);
  write("etc/erouted/operate.token", data.operateToken, 0o600);
  const here = join(disk, "here.toml");
  const moved = configuration
    .replaceAll("/var/lib/erouted", join(disk, "lib/erouted"))
    .replaceAll("/etc/erouted", join(disk, "etc/erouted"));
  writeFileSync(here, moved);
  data.fill(here);
}
