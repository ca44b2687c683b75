/** Transport mode with IKEv1: agreed to where the eroute has it and no NAT is on the way. */

import { expect, test } from "bun:test";
import { encapsulationMode } from "../../src/ike/v1/transform-numbers.ts";
import { ok } from "../../src/octets/result.ts";
import { type CalledSettings, calledAndUp, connect, effectsOf } from "./ikev1-end.ts";
import { endpointOf } from "./plan.ts";

const NATTED = {
  local: endpointOf("192.0.2.2", 500),
  remote: endpointOf("203.0.113.9", 61_000),
};

test("an eroute with transport mode agrees to it; without, tunnel mode is what it wants", () => {
  const mode = encapsulationMode("transport", "none");
  const both = calledAndUp({}, withTransport(true));
  connect(both, { mode });
  expect(both.end.facts().children).toMatchObject([{ mode: "transport" }]);
  const { caller, end } = calledAndUp({}, withTransport(false));
  end.hear(caller.quick({ mode }).octets);
  expect(detailOf(end)).toContain("the site offers transport mode, configured: tunnel mode");
});

test("V2-84 alike: behind a NAT transport mode is refused, and the journal says why", () => {
  const { caller, end } = calledAndUp({ inner: "10.9.9.9" }, withTransport(true), NATTED);
  end.hear(caller.quick({ mode: encapsulationMode("transport", "rfc") }).octets, NATTED);
  expect(detailOf(end)).toContain(
    "the site offers transport mode in UDP, configured: tunnel mode in UDP " +
      "(there is no transport mode through a NAT)",
  );
  expect(end.facts().children).toEqual([]);
});

test("behind a NAT tunnel mode is agreed to all the same", () => {
  const { caller, end } = calledAndUp({ inner: "10.9.9.9" }, withTransport(true), NATTED);
  const quick = caller.quick({ mode: encapsulationMode("tunnel", "rfc") });
  end.hear(quick.octets, NATTED);
  caller.granted(quick, end.said());
  end.hear(caller.quickThird(quick), NATTED);
  expect(end.facts().children).toMatchObject([{ mode: "tunnel" }]);
});

function withTransport(transport: boolean): CalledSettings {
  return { credentials: (own) => ok({ ...own, policy: { ...own.policy, transport } }) };
}

function detailOf(end: ReturnType<typeof calledAndUp>["end"]): string {
  return effectsOf(end, "note").at(-1)?.note.detail ?? "";
}
