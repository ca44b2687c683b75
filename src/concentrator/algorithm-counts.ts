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
  const known = counted.get(algorithms) ?? linesOf(algorithms);
  counted.set(algorithms, known);
  for (const { kind, algorithm } of known) add(counts, sa, kind, algorithm);
}

type Line = Pick<AlgorithmCount, "kind" | "algorithm">;

/** Sites that offered the same share their algorithms. */
const counted = new WeakMap<IkeAlgorithms | EspAlgorithms, readonly Line[]>();

function linesOf({ encr, ke, additional }: IkeAlgorithms | EspAlgorithms): readonly Line[] {
  const methods = [ke, ...(additional ?? []).map((one) => one.ke)].filter((id) => id !== Ke.NONE);
  const lines: Line[] = [{ kind: "encryption", algorithm: encr.name }];
  for (const id of methods) {
    const algorithm = transformName(TransformType.KE, id, undefined);
    lines.push({ kind: "key_exchange", algorithm });
  }
  if (methods.length === 0) lines.push({ kind: "key_exchange", algorithm: "none" });
  else {
    const algorithm = methods.some(isPostQuantumMethod) ? "yes" : "no";
    lines.push({ kind: "post_quantum", algorithm });
  }
  return lines;
}

function add(
  counts: AlgorithmCounts,
  sa: AlgorithmCount["sa"],
  kind: AlgorithmCount["kind"],
  algorithm: string,
): void {
  const key = `${sa} ${kind} ${algorithm}`;
  const count = (counts.get(key)?.count ?? 0) + 1;
  counts.set(key, { sa, kind, algorithm, count });
}
