/** What to change, and at which end, so that both have algorithms or subnets in common. Pure. */

import { apart, type ComparedPart, type Comparison, isWeak } from "./compare.ts";

/** The eroute that a site belongs to, as far as it is known. */
export type ErouteOfSite = { readonly name: string; readonly isNormal: boolean } | undefined;

/** Sentences, the better way first; empty if the comparison shows no difference. */
export function alignment(comparison: Comparison, of: ErouteOfSite): readonly string[] {
  const { about } = comparison;
  // What to do about IDs, certificates and methods stands in the table of reasons.
  if (about === "proof") return [];
  return about === "subnets"
    ? apart(comparison).map((part) => subnetAdvice(part, of))
    : proposalAdvice(comparison, about, of);
}

function subnetAdvice({ part, offered, configured }: ComparedPart, of: ErouteOfSite): string {
  const [theirs, ours] = [offered.join(", "), configured.join(", ")];
  const eroute = of === undefined ? "of its eroute" : `of eroute ${of.name}`;
  if (part === "network here") {
    return (
      `the site asks for ${theirs} behind the concentrator and may have ${ours}: ` +
      `correct it there, or local_subnet ${eroute}`
    );
  }
  const where = of?.isNormal === true ? `remote_subnet ${eroute}` : "remip and remmsk of its row";
  return (
    `the site says that its own network is ${theirs}, here it is ${ours}: ` +
    `correct it there, or ${where}`
  );
}

function proposalAdvice(
  comparison: Comparison,
  key: "ike" | "esp",
  of: ErouteOfSite,
): readonly string[] {
  const parts = apart(comparison);
  if (parts.length === 0) return [];
  const wanted = parts.map(({ part, configured }) =>
    configured[0] === "NONE" ? `no ${part}` : `${part} ${configured.join(" or ")}`,
  );
  const eroute = of === undefined ? "its eroute" : `eroute ${of.name}`;
  return [
    `let the site offer what is configured here: ${wanted.join("; ")}`,
    here(comparison, key, eroute),
  ];
}

/** The other way: to allow what the site offers. */
function here({ proposal, nearest }: Comparison, key: "ike" | "esp", eroute: string): string {
  if (proposal === undefined) {
    const theirs = nearest.filter(({ common }) => common.length === 0);
    const words = theirs.flatMap(({ offered }) => offered).join(", ");
    return `${words} cannot be allowed here: too weak, or not built in`;
  }
  const weak = isWeak(proposal, key) ? " (SHA-1 is weak: for old routers only)" : "";
  return `or allow it in ${eroute}: "${proposal}" as a further proposal of \`${key}\`${weak}`;
}
