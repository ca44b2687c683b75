/** The XFRM states and policies of a host, as `ip -s xfrm` shows them. */

import { isOurReqid, TRAP_REQID } from "../../../src/xfrm/request.ts";
import { type Host, must, start, until } from "./hosts.ts";

export type XfrmStateSeen = {
  readonly src: string;
  readonly dst: string;
  readonly spi: number;
  readonly reqid: number;
  readonly mode: string;
  /** ESP in UDP. */
  readonly encapsulated: boolean;
  readonly octets: number;
  readonly packets: number;
};

export type XfrmPolicySeen = {
  readonly src: string;
  readonly dst: string;
  readonly dir: "in" | "out" | "fwd";
};

/** ESP states, without larval ones: those of acquires, and SPIs that are only reserved. */
export async function xfrmStates(host: Host): Promise<XfrmStateSeen[]> {
  const text = await must(host, ["ip", "-s", "xfrm", "state"]);
  return blocks(text).flatMap((block) => {
    const head = /^src (\S+) dst (\S+)\s+proto esp spi (0x[0-9a-f]+).* reqid (\d+)/.exec(block);
    if (head === null || head[3] === "0x00000000" || !/^\s+(?:aead|enc) /m.test(block)) return [];
    const use = /lifetime current:\s+(\d+)\(bytes\), (\d+)\(packets\)/.exec(block);
    return [
      {
        src: head[1] ?? "",
        dst: head[2] ?? "",
        spi: Number(head[3]),
        reqid: Number(head[4]),
        mode: / mode (\w+)/.exec(block)?.[1] ?? "",
        encapsulated: block.includes("encap type espinudp"),
        octets: Number(use?.[1]),
        packets: Number(use?.[2]),
      },
    ];
  });
}

/** Whether erouted made it, and not the test by hand. */
export function isOurState({ reqid }: XfrmStateSeen): boolean {
  return isOurReqid(reqid);
}

/** Policies of tunnels: neither those of IKE daemons' sockets, nor those that need no SA. */
export async function xfrmPolicies(host: Host): Promise<XfrmPolicySeen[]> {
  return (await policyBlocks(host)).filter((block) => !stands(block)).flatMap(policyOf);
}

/** Those among them that erouted has made. */
export async function ourPolicies(host: Host): Promise<XfrmPolicySeen[]> {
  const isOurs = (block: string) => isOurReqid(Number(/ reqid (\d+)/.exec(block)?.[1]));
  return (await policyBlocks(host))
    .filter((block) => !stands(block) && isOurs(block))
    .flatMap(policyOf);
}

/** Policies that exist without an SA: traps, blocks. */
export async function xfrmStanding(host: Host): Promise<XfrmPolicySeen[]> {
  return (await policyBlocks(host)).filter(stands).flatMap(policyOf);
}

/** An IKE SA goes first, and its states and policies in the kernel go in the turns after it. */
export async function untilNothingIsLeft(host: Host): Promise<void> {
  const left = async () => [...(await xfrmStates(host)), ...(await xfrmPolicies(host))];
  await until("the kernel has no states and no policies", async () => (await left()).length === 0);
}

function stands(block: string): boolean {
  return block.includes(`reqid ${TRAP_REQID} `) || /\baction block\b/.test(block);
}

async function policyBlocks(host: Host): Promise<string[]> {
  return blocks(await must(host, ["ip", "xfrm", "policy"]));
}

function policyOf(block: string): XfrmPolicySeen[] {
  const head = /^src (\S+) dst (\S+)/.exec(block);
  const dir = /\bdir (in|out|fwd)\b/.exec(block)?.[1];
  if (head === null || (dir !== "in" && dir !== "out" && dir !== "fwd")) return [];
  return [{ src: head[1] ?? "", dst: head[2] ?? "", dir }];
}

/** Packets that a host's kernel dropped because of IPsec, by reason, such as `XfrmInNoStates`. */
export async function xfrmDrops(host: Host): Promise<Readonly<Record<string, number>>> {
  const text = await must(host, ["cat", "/proc/net/xfrm_stat"]);
  const counts = text.split("\n").map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(
    counts.flatMap(([reason = "", count]) => (Number(count) > 0 ? [[reason, Number(count)]] : [])),
  );
}

/** A packet had found its state when that was deleted: by the daemon of the host that sends. */
export const DELETED_STATE = "XfrmOutStateInvalid";

/** When a state appeared and disappeared, ms of wall time; undefined: not while it was watched. */
export type StateLife = { bornMs: number | undefined; goneMs: number | undefined };

/** Records when ESP states appear and disappear in a host, by SPI and destination. */
export async function watchStates(
  host: Host,
): Promise<{ stop(): Promise<ReadonlyMap<string, Readonly<StateLife>>> }> {
  const monitor = start(host, ["ip", "-ts", "xfrm", "monitor", "SA"], { TZ: "UTC" });
  const listens = async () =>
    (await must(host, ["ss", "-a", "-f", "netlink"])).includes("xfrm:ip/");
  await until("ip xfrm monitor listens", listens);
  return {
    stop: async () => {
      await monitor.stop();
      return livesOf(await monitor.output());
    },
  };
}

/** As {@link watchStates} names a state. */
export function stateKey(dst: string, spi: number): string {
  return `${spi.toString(16)} ${dst}`;
}

function livesOf(text: string): Map<string, StateLife> {
  const lives = new Map<string, StateLife>();
  const line = /^\[(\S+)\] (Deleted |Updated )?src \S+ dst (\S+)\s+proto esp spi (0x[0-9a-f]+)/gm;
  for (const [, at, word, dst = "", spi] of text.matchAll(line)) {
    const key = stateKey(dst, Number(spi));
    const life = lives.get(key) ?? { bornMs: undefined, goneMs: undefined };
    lives.set(key, life);
    if (word === "Deleted ") life.goneMs = dayMs(at);
    else life.bornMs ??= dayMs(at);
  }
  return lives;
}

/**
 * ms of wall time with microseconds: packets are that close together (Date would truncate them).
 */
function dayMs(at = ""): number {
  const [seconds = "", micros = "0"] = at.split(".");
  return Date.parse(`${seconds}Z`) + Number(`0.${micros}`) * 1_000;
}

/** One text for each entry: it begins with a line that is not indented. */
function blocks(text: string): string[] {
  return text.split(/\n(?=src )/).filter((block) => block.trim() !== "");
}

/** From which prefix lengths on the kernel finds policies by hash, IPv4 and IPv6. */
export async function hashLengths(host: Host): Promise<readonly (string | undefined)[]> {
  const text = await must(host, ["ip", "-s", "-s", "xfrm", "policy", "count"]);
  return [...text.matchAll(/thresholds: (.*)/g)].map(([, lengths]) => lengths?.trim());
}
