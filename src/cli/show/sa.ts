/** `erouted sa`: the IKE SAs and Child SAs of one site or of all. */

import { formatOctets } from "../../octets/octet-amount.ts";
import { counted, formatSeconds } from "../amounts.ts";
import { type AskOptions, daemonOf, get } from "../daemon-client.ts";
import { fieldAt, listAt, numberAt, textAt, timeAt } from "../json-fields.ts";
import { cutTo, painted } from "../table.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "../terminal.ts";
import { wrapped } from "../wrap.ts";
import { allEroutes, daemonMs } from "./eroutes-in-use.ts";

export type SaOptions = AskOptions & { readonly peerid?: string; readonly json?: true };

/** Prints them; 4 if the requested site has none. */
export async function sa(options: SaOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const state = await get(daemon.value, "/api/v1/status");
  if (!state.ok) return failure(terminal, printable(state.error));
  const { peerid } = options;
  const found =
    peerid === undefined
      ? await allEroutes(daemon.value, "all")
      : await get(daemon.value, `/api/v1/peers/${encodeURIComponent(peerid)}`);
  if (!found.ok) return failure(terminal, printable(found.error));
  const eroutes = listAt(found.value, "eroutes").filter(hasSa);
  const isNone = peerid !== undefined && eroutes.length === 0;
  if (options.json === true) terminal.out(JSON.stringify({ eroutes }, undefined, 2));
  else if (isNone) {
    terminal.out(printable(`${peerid} has no IKE SA: erouted why ${peerid} says why`));
  } else {
    for (const line of saLines(eroutes, daemonMs(state.value), terminal)) terminal.out(line);
  }
  return isNone ? EXIT.notConnected : EXIT.ok;
}

function hasSa(eroute: unknown): boolean {
  const ike = fieldAt(eroute, "ike_sa");
  return (ike !== null && ike !== undefined) || listAt(eroute, "child_sas").length > 0;
}

function saLines(
  eroutes: readonly unknown[],
  nowMs: number | undefined,
  terminal: Terminal,
): readonly string[] {
  const { screen, columns } = terminal;
  const lines = eroutes.flatMap((eroute) => {
    const state = textAt(eroute, "state") ?? "";
    const name = printable(`${textAt(eroute, "name") ?? ""} (${textAt(eroute, "peer_id") ?? ""})`);
    const head = cutTo(name, (columns ?? Infinity) - state.length - 2);
    const style = state === "established" ? "good" : "changing";
    const parts = [...ikeSaParts(eroute, nowMs), ...childSaParts(eroute, nowMs)];
    return [
      `${head}, ${painted(state, style, screen)}`,
      ...parts.flatMap(([name, ...facts]) =>
        // Facts are not split if the line has room for one.
        wrapped(printable(`  ${name.padEnd(9)} ${facts.join(", ")}`), INDENT, columns),
      ),
    ];
  });
  const children = eroutes.reduce<number>(
    (sum, eroute) => sum + listAt(eroute, "child_sas").length,
    0,
  );
  const ikeSas = eroutes.filter((eroute) => textAt(eroute, "ike_sa", "spi_i") !== undefined).length;
  return [...lines, `${counted(ikeSas, "IKE SA")}, ${counted(children, "Child SA")}`];
}

type Part = readonly [string, ...string[]];

function ikeSaParts(eroute: unknown, nowMs: number | undefined): readonly Part[] {
  const ike = fieldAt(eroute, "ike_sa");
  if (ike === null || ike === undefined) return [];
  const text = (name: string) => textAt(ike, name) ?? "-";
  const nat = text("nat");
  return [
    [
      "IKE SA",
      `${text("local_endpoint")} <-> ${text("remote_endpoint")}`,
      nat === "none" ? "no NAT" : `NAT: ${nat}`,
      `${text("role")} since ${ageText(ike, "established_at", nowMs)}`,
    ],
    ["", text("algorithms"), ...protections(ike)],
    ["", `SPIi ${text("spi_i")}`, `SPIr ${text("spi_r")}`],
  ];
}

function protections(ike: unknown): readonly string[] {
  const named = (name: string, text: string) => (fieldAt(ike, name) === true ? [text] : []);
  const [ppk, downgrade] = ["with a PPK", "downgrade prevention"];
  return [...named("ppk", ppk), ...named("downgrade_prevention", downgrade)];
}

function childSaParts(eroute: unknown, nowMs: number | undefined): readonly Part[] {
  return listAt(eroute, "child_sas").flatMap((child): readonly Part[] => {
    const text = (name: string) => textAt(child, name) ?? "-";
    const subnets = (name: string) => listAt(child, name).map(String).join(" ");
    const inUdp = fieldAt(child, "udp_encapsulation") === true ? ", ESP in UDP" : "";
    return [
      ["Child SA", `${subnets("local_subnets")} <-> ${subnets("remote_subnets")}`],
      ["", text("algorithms"), `${text("mode")}${inUdp}`, ageText(child, "installed_at", nowMs)],
      ["", `in ${text("spi_in")}${trafficText(child, "in")}`],
      ["", `out ${text("spi_out")}${trafficText(child, "out")}`],
    ];
  });
}

/** Nothing if the kernel does not count. */
function trafficText(child: unknown, way: "in" | "out"): string {
  if (typeof fieldAt(child, `bytes_${way}`) !== "number") return "";
  const octets = formatOctets(numberAt(child, `bytes_${way}`));
  return ` ${octets} in ${counted(numberAt(child, `packets_${way}`), "packet")}`;
}

function ageText(value: unknown, name: string, nowMs: number | undefined): string {
  const at = timeAt(value, name);
  if (at === undefined || nowMs === undefined) return textAt(value, name) ?? "-";
  return formatSeconds((nowMs - at) / 1000);
}

const INDENT = 12;
