/** One thing that an explanation has to say, and whether it is as it should be. */

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
