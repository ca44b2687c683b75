/** Quick Modes of IKEv1 that are under way when something else happens to their Child SAs. */

import { expect, test } from "bun:test";
import type { ChildSa } from "../../src/ike/child-sa.ts";
import { deriveQuickModeKeys } from "../../src/ike/v1/keys.ts";
import { assert } from "../../src/octets/assert.ts";
import { ok } from "../../src/octets/result.ts";
import { Writer } from "../../src/octets/writer.ts";
import { asIkeSpi } from "../../src/wire/header.ts";
import { DOI_IPSEC, type Payload, Protocol } from "../../src/wire/v1/message.ts";
import { calledAndUp, calledWithChild, connect, effectsOf } from "./ikev1-end.ts";

/** Without liveness checks, and longer than all that is waited for. */
const QUIET = { vendors: [], lifetimeSeconds: 14_400 } as const;
const HEIR = { kind: "stand-down", to: asIkeSpi(7n) } as const;

const u32 = (value: number) => new Writer(4).u32(value).done();
const deleteOf = (protocol: number, ...spis: Uint8Array[]): Payload => {
  return { kind: "DELETE", doi: DOI_IPSEC, protocol, spis };
};

test("a rekey of ours with PFS: both ends have the same keys", () => {
  const { caller, end } = calledAndUp(QUIET);
  connect({ caller, end }, { pfs: true });
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  const { answer, grant } = caller.grant(end.said());
  end.hear(answer);
  const { nonces, esp, spiIn, spiOut, peerPublic } = grant;
  expect(peerPublic).toBeDefined();
  const { isakmp, sharedSecret } = caller.phase2(peerPublic, "responder");
  const input = { ...nonces, spiI: spiOut, spiR: spiIn, sharedSecret };
  const keys = deriveQuickModeKeys(isakmp, esp, input);
  const made = end.installed.at(-1)?.keys;
  expect(made).toEqual({ in: keys.responder, out: keys.initiator });
});

test("while the site rekeys, and never ends it, ours waits: no deadline stays in the past", () => {
  const { caller, end } = calledWithChild(QUIET);
  const [old] = end.facts().children;
  const until = (old?.rekeyAt ?? 0) - 1_000;
  end.advance(until - end.now());
  end.hear(caller.quick().octets);
  end.said();
  end.advance(5_000);
  expect(end.installed).toHaveLength(2);
  // The site's third message never comes: its Child SA goes, and ours is rekeyed.
  end.advance(300_000);
  expect(end.facts().children.map(({ spiIn }) => spiIn)).toEqual(old ? [old.spiIn] : []);
  expect(end.sent.length).toBeGreaterThan(0);
});

test("Phase 1 anew in the middle of a rekey: the old Child SA stays with what replaces it", () => {
  const { caller, end } = calledWithChild(QUIET);
  const [old] = end.facts().children;
  const quick = caller.quick();
  end.hear(quick.octets);
  end.feed(HEIR);
  expect(effectsOf(end, "hand-over")).toEqual([]);
  caller.granted(quick, end.said());
  // Its third message is late: what it deletes comes first.
  const before = effectsOf(end, "child-outbound").length;
  end.hear(caller.inform([deleteOf(Protocol.ESP, u32(old?.spiOut ?? 0))]));
  expect(effectsOf(end, "child-outbound")).toHaveLength(before + 1);
  end.hear(caller.quickThird(quick));
  const given = effectsOf(end, "hand-over").flatMap(({ children }) => children);
  expect(given.map(({ spiOut }) => Number(spiOut))).toEqual([quick.spi]);
});

test("a replaced ISAKMP SA hands over what is left, and drops what nobody has completed", () => {
  const { caller, end } = calledWithChild(QUIET);
  const [old] = end.facts().children;
  end.hear(caller.quick().octets);
  end.feed(HEIR);
  const made = end.installed.at(-1)?.child.spiIn;
  end.advance(60_000);
  expect(end.sa).toBeUndefined();
  const given = effectsOf(end, "hand-over").flatMap(({ children }) => children);
  expect(given.map(({ spiIn }) => spiIn)).toEqual(old ? [old.spiIn] : []);
  expect(effectsOf(end, "child-down").map(({ spiIn }) => spiIn)).toEqual(made ? [made] : []);
});

test("the site deletes its ISAKMP SA: what nobody has completed does not outlive it", () => {
  const { caller, end } = calledWithChild(QUIET);
  end.hear(caller.quick().octets);
  const made = end.installed.at(-1)?.child.spiIn;
  end.hear(caller.inform([deleteOf(Protocol.ISAKMP, caller.cookies())]));
  expect(end.sa).toBeUndefined();
  expect(effectsOf(end, "child-down").map(({ spiIn }) => spiIn)).toEqual(made ? [made] : []);
  expect(effectsOf(end, "ended")).toMatchObject([{ childSasStay: true }]);
});

test("the site deletes its ISAKMP SA after a rekey of ours: the new Child SA sends at once", () => {
  const { caller, end } = calledWithChild(QUIET);
  const [old] = end.facts().children;
  end.feed({ kind: "rekey-child", spiIn: old?.spiIn ?? 0 });
  end.hear(caller.grant(end.said()).answer);
  const made = end.facts().children.at(-1)?.spiIn;
  const before = effectsOf(end, "child-outbound").length;
  end.hear(caller.inform([deleteOf(Protocol.ISAKMP, caller.cookies())]));
  const after = effectsOf(end, "child-outbound").slice(before);
  expect(after.map(({ spiIn }) => spiIn)).toEqual(made ? [made] : []);
  expect(effectsOf(end, "child-down")).toEqual([]);
});

test("a replaced ISAKMP SA is deleted during a rekey: its Child SA goes to the heir", () => {
  const { caller, end } = calledWithChild(QUIET);
  const [old] = end.facts().children;
  end.hear(caller.quick().octets);
  end.feed(HEIR);
  end.hear(caller.inform([deleteOf(Protocol.ISAKMP, caller.cookies())]));
  expect(end.sa).toBeUndefined();
  const given = effectsOf(end, "hand-over").flatMap(({ children }) => children);
  expect(given.map(({ spiIn }) => spiIn)).toEqual(old ? [old.spiIn] : []);
});

test("the site deletes one of two equal Child SAs: what is on its way still comes in", () => {
  const { caller, end } = calledWithChild(QUIET);
  const quick = caller.quick();
  end.hear(quick.octets);
  caller.granted(quick, end.said());
  end.hear(caller.quickThird(quick));
  end.hear(caller.inform([deleteOf(Protocol.ESP, u32(quick.spi))]));
  expect(effectsOf(end, "child-down").map(({ why }) => why)).toEqual(["rekeyed"]);
});

test("Phase 1 anew: what replaces a Child SA that the site never confirmed stays beside it", () => {
  const { caller, end } = calledAndUp(QUIET);
  end.hear(caller.quick().octets);
  end.said();
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  end.hear(caller.grant(end.said()).answer);
  const made = end.facts().children.at(-1)?.spiIn;
  end.feed(HEIR);
  expect(effectsOf(end, "hand-over")).toEqual([]);
  // It sends once the one before has gone, and then goes to the heir.
  end.advance(60_000);
  expect(effectsOf(end, "child-outbound").map(({ spiIn }) => spiIn)).toEqual(made ? [made] : []);
  const given = effectsOf(end, "hand-over").flatMap(({ children }) => children);
  expect(given.map(({ spiIn }) => spiIn)).toEqual(made ? [made] : []);
});

/** A Child SA that the site knows, and one of a Quick Mode whose third message has not come. */
function withUnsure() {
  const both = calledWithChild(QUIET);
  both.end.hear(both.caller.quick().octets);
  both.end.said();
  const [known, unsure] = both.end.facts().children;
  expect(both.end.sending).toEqual(new Set([Number(known?.spiIn)]));
  const gone = (...children: (ChildSa | undefined)[]): void => {
    const spis = children.map((child) => u32(child?.spiOut ?? 0));
    both.end.hear(both.caller.inform([deleteOf(Protocol.ESP, ...spis)]));
  };
  return { ...both, known, unsure, gone };
}

const setOf = (...children: (ChildSa | undefined)[]) =>
  new Set(children.map((child) => Number(child?.spiIn)));

test("a Child SA that the site may not know does not send while there is another", () => {
  const { caller, end, known, gone } = withUnsure();
  connect({ caller, end });
  const [, , newest] = end.facts().children;
  gone(known);
  expect(end.sending).toEqual(setOf(newest));
  expect(end.facts().children).toHaveLength(2);
});

test("it sends when the last other one has gone", () => {
  const { caller, end, known, unsure, gone } = withUnsure();
  connect({ caller, end });
  gone(known, end.facts().children.at(-1));
  expect(end.sending).toEqual(setOf(unsure));
});

test("it sends when the only other one has gone", () => {
  const { end, known, unsure, gone } = withUnsure();
  gone(known);
  expect(end.sending).toEqual(setOf(unsure));
});

test.each([1, 2])("of those that replace it, %p, the first sends in its place", (n) => {
  const { caller, end, known, unsure, gone } = withUnsure();
  for (let i = 0; i < n; i++) {
    end.feed({ kind: "rekey-child", spiIn: end.facts().children.at(-1)?.spiIn ?? 0 });
    end.hear(caller.grant(end.said()).answer);
    end.sent.splice(0);
  }
  gone(known);
  const made = end.facts().children.find(({ replaces }) => replaces === unsure?.spiIn);
  expect(end.sending).toEqual(setOf(made));
});

test("what replaces it sends beside the other one once it has gone", () => {
  const { caller, end, known, unsure, gone } = withUnsure();
  end.feed({ kind: "rekey-child", spiIn: unsure?.spiIn ?? 0 });
  end.hear(caller.grant(end.said()).answer);
  end.said();
  expect(end.sending).toEqual(setOf(known));
  gone(unsure);
  expect(end.sending).toEqual(setOf(known, end.facts().children.at(-1)));
});

/** A rekey of the site, and what happens while the kernel installs the new Child SA. */
function whileInstalling(happens: (both: ReturnType<typeof calledAndUp>, old: ChildSa) => void) {
  let rekey: (() => void) | undefined;
  const install = () => {
    rekey?.();
    return ok(undefined);
  };
  const both = calledWithChild(QUIET, { install });
  const [old] = both.end.facts().children;
  assert(old !== undefined, "a Child SA");
  rekey = () => {
    rekey = undefined;
    happens(both, old);
  };
  const quick = both.caller.quick();
  both.end.hear(quick.octets);
  return { ...both, old, quick };
}

test("the site deletes the old Child SA while the kernel installs the new one: that sends", () => {
  const { end } = whileInstalling(({ caller, end }, old) => {
    end.hear(caller.inform([deleteOf(Protocol.ESP, u32(old.spiOut))]));
  });
  const { children } = end.facts();
  expect(children).toHaveLength(1);
  expect(end.sending).toEqual(setOf(...children));
});

test("the same where the kernel has lost the old one", () => {
  const { end, old } = whileInstalling(({ end }, { spiIn }) => {
    end.feed({ kind: "close-child", spiIn });
  });
  const { children } = end.facts();
  expect(children.map(({ spiIn }) => spiIn)).not.toContain(old.spiIn);
  expect(end.sending).toEqual(setOf(...children));
});

test("nothing happens while it is installed: the old one sends until it goes", () => {
  const { caller, end, old, quick } = whileInstalling(() => {});
  expect(end.sending).toEqual(setOf(old));
  caller.granted(quick, end.said());
  end.hear(caller.quickThird(quick));
  end.hear(caller.inform([deleteOf(Protocol.ESP, u32(old.spiOut))]));
  expect(end.sending).toEqual(setOf(...end.facts().children));
});
