/** What happens when: in order of time, then in order of planning. */

export type Schedule = {
  /** Instant of the next thing to happen. */
  next(): number | undefined;
  plan(at: number, run: () => void): void;
  /** Runs the next one. */
  run(): void;
  readonly size: number;
};

type Item = { readonly at: number; readonly order: number; readonly run: () => void };

/** Nothing planned yet. */
export function createSchedule(): Schedule {
  const heap: Item[] = [];
  let order = 0;
  const isBefore = (a: Item, b: Item) => a.at < b.at || (a.at === b.at && a.order < b.order);

  const takeFirst = (): Item | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let item = heap[child];
      if (item === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, item)) {
        child++;
        item = right;
      }
      if (!isBefore(item, last)) break;
      heap[at] = item;
      at = child;
    }
    heap[at] = last;
    return first;
  };

  return {
    next: () => heap[0]?.at,
    plan(at, run) {
      const item = { at, order: order++, run };
      let place = heap.length;
      heap.push(item);
      while (place > 0) {
        const parent = (place - 1) >> 1;
        const above = heap[parent];
        if (above === undefined || !isBefore(item, above)) break;
        heap[place] = above;
        place = parent;
      }
      heap[place] = item;
    },
    run: () => takeFirst()?.run(),
    get size() {
      return heap.length;
    },
  };
}
