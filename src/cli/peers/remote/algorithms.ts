/** One proposal that the configuration has and a router supports, in the router's own words. */

import { formatSuite } from "../../../crypto/suite-notation.ts";
import type { BaseEroute } from "../../../eroute/eroute.ts";
import { err, ok, type Result } from "../../../octets/result.ts";
import type { RemoteSite } from "./site.ts";

/** A router's words by ours; it does not support what is missing here. */
export type Dictionary = {
  readonly encr: ReadonlyMap<string, string>;
  readonly integ: ReadonlyMap<string, string>;
  readonly ke: ReadonlyMap<string, string>;
  /** Whether the PRF can be named: otherwise it is the HMAC of the integrity algorithm. */
  readonly prf: boolean;
  /** Whether newer versions have additional key exchanges: written only where they are demanded. */
  readonly additional: boolean;
};

/** In the router's words; `integ` is undefined with AEADs, which need none. */
export type Proposal = {
  readonly encr: string;
  readonly integ: string | undefined;
  /** Of an IKE SA. */
  readonly prf: string | undefined;
  /** For a Child SA it means perfect forward secrecy: undefined goes without. */
  readonly ke: string | undefined;
  /** Additional key exchanges (RFC 9370): `ke1` and the router's word for its method. */
  readonly additional: readonly (readonly [string, string])[];
  /** Our words for it. */
  readonly text: string;
};

/**
 * The first that both support, in the order of the configuration; undefined if there is none. What
 * demands no additional key exchange comes before: older versions do not know them.
 */
function proposalFor(
  suites: BaseEroute["ike"],
  kind: "ike" | "esp",
  words: Dictionary,
): Proposal | undefined {
  const all = suites.map((suite) => formatSuite(suite, kind).split("-"));
  const plain = all.filter((named) => demandedOf(named).length === 0);
  const others = words.additional ? all.filter((named) => !plain.includes(named)) : [];
  for (const named of [...plain, ...others]) {
    const first = (known: ReadonlyMap<string, string>) => named.find((word) => known.has(word));
    const encr = first(words.encr);
    const ke = first(words.ke);
    if (encr === undefined) continue;
    const isAead = /gcm|ccm|gmac|poly1305/.test(encr);
    const prfs = named.filter((word) => word.startsWith("prf"));
    // Without words for PRFs, the PRF of the integrity algorithm has to be allowed.
    const isAllowed = (word: string) =>
      kind === "esp" || words.prf || prfs.length === 0 || prfs.includes(`prf${word}`);
    const integ = named.find((word) => words.integ.has(word) && isAllowed(word));
    if (!isAead && integ === undefined) continue;
    if (kind === "ike" && ke === undefined) continue;
    const prf = kind === "ike" ? (prfs[0] ?? `prf${integ}`) : undefined;
    if (isAead && prf !== undefined && !words.prf) continue;
    const additional = demandedOf(named);
    if (!additional.every((word) => words.ke.has(methodOf(word)))) continue;
    return proposal({ encr, integ: isAead ? undefined : integ, prf, ke, additional }, words);
  }
  return undefined;
}

/** `ke1_mlkem768`: the best method of each additional key exchange that cannot be left out. */
function demandedOf(named: readonly string[]): readonly string[] {
  const words = named.filter((word) => /^ke\d_/.test(word));
  const first = new Map(words.toReversed().map((word) => [word.slice(0, 3), word]));
  return [...first.values()].filter((word) => !named.includes(`${word.slice(0, 3)}_none`)).sort();
}

/** `mlkem768` of `ke1_mlkem768`. */
function methodOf(word: string): string {
  return word.slice("ke1_".length);
}

type Chosen = {
  readonly encr: string;
  readonly integ: string | undefined;
  readonly prf: string | undefined;
  readonly ke: string | undefined;
  readonly additional: readonly string[];
};

function proposal({ encr, integ, prf, ke, additional }: Chosen, words: Dictionary): Proposal {
  const isImplied = integ !== undefined && prf === `prf${integ}`;
  const parts = [encr, integ, isImplied ? undefined : prf, ke, ...additional];
  return {
    encr: words.encr.get(encr) ?? encr,
    integ: integ === undefined ? undefined : (words.integ.get(integ) ?? integ),
    prf: prf === undefined ? undefined : (words.integ.get(prf.slice(3)) ?? prf.slice(3)),
    ke: ke === undefined ? undefined : (words.ke.get(ke) ?? ke),
    additional: additional.map((word) => {
      const method = methodOf(word);
      return [word.slice(0, "ke1".length), words.ke.get(method) ?? method] as const;
    }),
    text: parts.filter((part) => part !== undefined).join("-"),
  };
}

/** A proposal of each kind, or what the configuration would need. */
export function both(
  { ike, esp }: Pick<RemoteSite, "ike" | "esp">,
  words: { readonly ike: Dictionary; readonly esp: Dictionary },
): Result<{ readonly ike: Proposal; readonly esp: Proposal }, string> {
  const chosenIke = proposalFor(ike, "ike", words.ike);
  if (chosenIke === undefined) return err(unknownTo("ike", words.ike));
  const chosenEsp = proposalFor(esp, "esp", words.esp);
  if (chosenEsp === undefined) return err(unknownTo("esp", words.esp));
  return ok({ ike: chosenIke, esp: chosenEsp });
}

function unknownTo(kind: string, { encr, integ, ke }: Dictionary): string {
  const known = [encr, integ, ke].map((words) => [...words.keys()].join(", ")).join("; ");
  return `it supports none of the base eroute's ${kind} proposals: it knows ${known}`;
}

/** Each word stands for itself: strongSwan's words, which are ours. */
export const STRONGSWAN: Dictionary = {
  encr: same("aes256gcm16 aes192gcm16 aes128gcm16 chacha20poly1305 aes256 aes192 aes128"),
  integ: same("sha512 sha384 sha256 sha1"),
  ke: same("x25519 ecp256 ecp384 ecp521 modp2048 modp3072 modp4096 mlkem512 mlkem768 mlkem1024"),
  prf: true,
  additional: true,
};

const STRONGSWAN_CIPHERS = [...STRONGSWAN.encr.keys()].join(" ");
const CCM = [128, 192, 256].flatMap((bits) =>
  [8, 12, 16].map((octets) => `aes${bits}ccm${octets}`),
);
const GCM = [128, 192, 256].flatMap((bits) => [8, 12].map((octets) => `aes${bits}gcm${octets}`));
const OTHERS = [128, 192, 256].flatMap((bits) =>
  ["ctr", "gmac"].map((mode) => `aes${bits}${mode}`).concat(`camellia${bits}`),
);

/** For ESP it has all that the kernel has; the order is that of the configuration. */
export const STRONGSWAN_ESP: Dictionary = {
  ...STRONGSWAN,
  encr: same([STRONGSWAN_CIPHERS, ...CCM, ...GCM, ...OTHERS].join(" ")),
  integ: same("sha512 sha384 sha256 sha1 aesxcbc aescmac"),
};

function same(words: string): ReadonlyMap<string, string> {
  return new Map(words.split(" ").map((word) => [word, word]));
}

/** Pairs of our word and the router's. */
export function dictionary(...pairs: readonly string[]): ReadonlyMap<string, string> {
  return new Map(pairs.map((pair) => pair.split(" ") as [string, string]));
}
