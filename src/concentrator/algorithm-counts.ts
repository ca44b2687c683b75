/** How often each algorithm was agreed on since the start: only those built in, so few numbers. */

import { transformName } from "../crypto/names.ts";
import { isPostQuantumMethod } from "../crypto/post-quantum.ts";
import { Ke, TransformType } from "../crypto/transform.ts";
import type { EspAlgorithms, IkeAlgorithms } from "../ike/algorithms.ts";

/** `ike`: an IKE SA, new or rekeyed. `child`: a Child SA, new or rekeyed. */
export type AlgorithmCount = {
  readonly sa: "ike" | "child";
  readonly kind: "encryption" | "key_exchange" | "post_quantum";
  /** `AES_GCM_16_256`, `X25519`, `none`; `yes` or `no`. */
  readonly algorithm: string;
  readonly count: number;
};

export type AlgorithmCounts = Map<string, AlgorithmCount>;

/**
 * Counts what an SA has: its encryption, each of its key exchanges, and whether one of them
 * withstands a quantum computer. A Child SA without a key exchange has the keys of its IKE SA.
 */
export function countAlgorithms(
  counts: AlgorithmCounts,
  sa: AlgorithmCount["sa"],
  algorithms: IkeAlgorithms | EspAlgorithms,
): void {
  for (const { kind, algorithm, keys } of countedOf(algorithms)) {
    const key = keys[sa];
    const count = (counts.get(key)?.count ?? 0) + 1;
    counts.set(key, { sa, kind, algorithm, count });
  }
}

/** `keys`: where it is counted, for each kind of SA. */
type Line = Pick<AlgorithmCount, "kind" | "algorithm"> & {
  readonly keys: Readonly<Record<AlgorithmCount["sa"], string>>;
};

/** Sites that offered the same share their algorithms. */
const counted = new WeakMap<IkeAlgorithms | EspAlgorithms, readonly Line[]>();

function countedOf(algorithms: IkeAlgorithms | EspAlgorithms): readonly Line[] {
  const known = counted.get(algorithms);
  if (known !== undefined) return known;
  const lines = linesOf(algorithms);
  counted.set(algorithms, lines);
  return lines;
}

function linesOf({ encr, ke, additional }: IkeAlgorithms | EspAlgorithms): readonly Line[] {
  const methods = [ke, ...(additional ?? []).map((one) => one.ke)].filter((id) => id !== Ke.NONE);
  const lines: Line[] = [line("encryption", encr.name)];
  for (const id of methods) {
    lines.push(line("key_exchange", transformName(TransformType.KE, id, undefined)));
  }
  if (methods.length === 0) lines.push(line("key_exchange", "none"));
  else lines.push(line("post_quantum", methods.some(isPostQuantumMethod) ? "yes" : "no"));
  return lines;
}

function line(kind: AlgorithmCount["kind"], algorithm: string): Line {
  const of = `${kind} ${algorithm}`;
  return { kind, algorithm, keys: { ike: `ike ${of}`, child: `child ${of}` } };
}
