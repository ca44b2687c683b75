/** Documents that have not been read yet, by what they are about. */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Label } from "./label.ts";

export class Awaited {
  readonly #labels = new Map<number, Label>();
  readonly #byIkeSa = new Map<IkeSpi, number[]>();
  readonly #byInbound = new Map<EspSpi, number[]>();
  readonly #read = new Set<number>();

  note(number: number, label: Label): void {
    this.#labels.set(number, label);
    for (const spi of label.ikeSas) add(this.#byIkeSa, spi, number);
    for (const spi of label.inbound) add(this.#byInbound, spi, number);
  }

  read(number: number): void {
    this.#read.add(number);
  }

  /**
   * What has to be read before anything happens to this IKE SA, in order: what holds it, and what
   * holds again anything of these. A crash may have left an SA in two documents, of which the
   * second one no longer counts; that shows only as long as the first is as it was read.
   */
  before(spi: IkeSpi): readonly number[] {
    const all = new Set(this.#byIkeSa.get(spi));
    for (const number of all) {
      const { ikeSas, inbound } = this.#labels.get(number) ?? NOTHING;
      for (const one of ikeSas) for (const other of this.#byIkeSa.get(one) ?? []) all.add(other);
      for (const one of inbound) {
        for (const other of this.#byInbound.get(one) ?? []) all.add(other);
      }
    }
    return [...all].filter((number) => !this.#read.has(number)).sort((a, b) => a - b);
  }

  clear(): void {
    this.#labels.clear();
    this.#byIkeSa.clear();
    this.#byInbound.clear();
    this.#read.clear();
  }
}

const NOTHING: Pick<Label, "ikeSas" | "inbound"> = { ikeSas: [], inbound: [] };

function add<K>(map: Map<K, number[]>, key: K, number: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [number]);
  else known.push(number);
}
