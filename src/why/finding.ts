/** One statement of an explanation, and whether all is well in this respect. */

export type Finding = {
  readonly about:
    | "eroute"
    | "row"
    | "tunnel"
    | "traffic"
    | "attempt"
    | "call"
    | "stranger"
    | "kernel"
    | "table";
  readonly verdict: "ok" | "problem" | "note";
  readonly detail: string;
};
