/** Codec of an installed Child SA, without what follows from its IKE SA and from the kernel. */

import type { ChildOptions } from "../../eroute/eroute.ts";
import {
  address,
  childSa,
  espSpi,
  ikeSpi,
  key,
  mode,
  path,
  prefixes,
  ticket,
} from "../../ike/state/values.ts";
import type { Ticket } from "../../ike/ticket.ts";
import type { Prefix } from "../../inet/prefix.ts";
import {
  bool,
  byKind,
  type Codec,
  checked,
  constant,
  list,
  oneOf,
  optional,
  record,
  text,
  u16,
  u32,
  u48,
  u64,
} from "../../octets/codec.ts";
import { shared, word } from "../../octets/shared-codec.ts";
import type {
  XfrmAead,
  XfrmAuth,
  XfrmCrypt,
  XfrmLifetime,
  XfrmMark,
  XfrmOuterHeader,
  XfrmProtection,
  XfrmState,
  XfrmStateId,
} from "../../xfrm/state.ts";
import { type Installed, isSameState, NONE, type StateMove } from "./installed.ts";
import { childRoutes } from "./routes.ts";

/** An installed Child SA as plain data. */
export type PlainChild = Pick<
  Installed,
  | "child"
  | "ikeSpi"
  | "takesFrom"
  | "inbound"
  | "outbound"
  | "packetsIn"
  | "packetsOut"
  | "outboundWaiting"
  | "asked"
  | "moving"
  | "ours"
> & {
  readonly path: Installed["place"]["path"];
  readonly encapsulate: boolean;
  readonly reqid: number;
  readonly options: ChildOptions;
  readonly remoteSubnets: readonly Prefix[];
  /** Of one that the IKE SA still waits for. */
  readonly ticket: Ticket | undefined;
};

const name = text(65_535);
export const mark = optional(record<XfrmMark>({ value: u32, mask: u32 }));

const options: Codec<ChildOptions> = word(
  "child-options",
  record<ChildOptions>({
    lifetimeSeconds: u48,
    lifetimeOctets: optional(u64),
    lifetimePackets: optional(u64),
    replayWindow: u32,
    transport: bool,
    copyDscp: bool,
    ecn: bool,
    pathMtuDiscovery: bool,
    ifId: optional(u32),
    mark,
    routes: bool,
  }),
);

export const stateId: Codec<XfrmStateId> = shared(
  record<XfrmStateId>({ src: address, dst: address, spi: espSpi }),
);

const protection: Codec<XfrmProtection> = byKind<XfrmProtection>({
  aead: record<Extract<XfrmProtection, { readonly kind: "aead" }>>({
    kind: constant("aead"),
    aead: record<XfrmAead>({ name, key, icvBits: u16 }),
  }),
  "crypt-auth": record<Extract<XfrmProtection, { readonly kind: "crypt-auth" }>>({
    kind: constant("crypt-auth"),
    crypt: record<XfrmCrypt>({ name, key }),
    auth: record<XfrmAuth>({ name, key, truncBits: u16 }),
  }),
});

type Ports = NonNullable<XfrmState["encapsulation"]>;

/** An outbound state that the kernel does not have yet: only here are keys of ESP kept. */
const state = record<XfrmState>({
  id: stateId,
  direction: oneOf(["in", "out"]),
  reqid: u32,
  mode,
  protection,
  encapsulation: optional(record<Ports>({ srcPort: u16, dstPort: u16 })),
  replayWindow: u32,
  esn: bool,
  outerHeader: record<XfrmOuterHeader>({ copyDscp: bool, ecn: bool, pathMtuDiscovery: bool }),
  lifetime: record<XfrmLifetime>({
    softSeconds: optional(u48),
    hardSeconds: optional(u48),
    softOctets: optional(u64),
    hardOctets: optional(u64),
    softPackets: optional(u64),
    hardPackets: optional(u64),
  }),
  // Child SAs have none: their policies say what passes.
  selector: constant<XfrmState["selector"]>(undefined),
  mark,
  ifId: optional(u32),
});

export const plainChild: Codec<PlainChild> = record<PlainChild>({
  child: childSa,
  ikeSpi,
  takesFrom: list(name, 65_535),
  path,
  encapsulate: bool,
  reqid: u32,
  options,
  remoteSubnets: prefixes,
  inbound: stateId,
  outbound: stateId,
  packetsIn: u64,
  packetsOut: u64,
  outboundWaiting: optional(state),
  asked: checked(list(state, 2), (states) => (states.length === 0 ? NONE : states)),
  moving: checked(list(record<StateMove>({ from: stateId, to: stateId }), 2), (moves) =>
    moves.length === 0 ? NONE : moves,
  ),
  ours: checked(list(stateId, 4), (ids): XfrmStateId[] => [...ids]),
  ticket: optional(ticket),
});

/**
 * The Child SA as plain data; undefined until the IKE SA has heard that it is there, unless it is
 * kept first. While the kernel owes an answer, the states are written that there will be: the
 * reader asks the kernel.
 */
export function plainOf(installed: Installed): PlainChild | undefined {
  const { child, ikeSpi, takesFrom, place, inbound, outbound } = installed;
  const { packetsIn, packetsOut, outboundWaiting, asked, moving, pending, refusal } = installed;
  const isInstalling = installed.phase === "installing";
  if ((isInstalling && !installed.isKeptFirst) || refusal !== undefined) return undefined;
  const made = outboundWaiting === undefined ? [inbound, outbound] : [inbound];
  const comes = (id: XfrmStateId) =>
    asked.some((state) => isSameState(state.id, id)) ||
    moving.some(({ to }) => isSameState(to, id));
  const ours = pending > 0 ? made.filter((id) => !comes(id)) : installed.ours;
  const { path, encapsulate, reqid, options, remoteSubnets } = place;
  return {
    child,
    ikeSpi,
    takesFrom,
    inbound,
    outbound,
    packetsIn,
    packetsOut,
    outboundWaiting,
    asked,
    moving,
    ours,
    ticket: isInstalling ? installed.ticket : undefined,
    path,
    encapsulate,
    reqid,
    options,
    remoteSubnets,
  };
}

/** The Child SA as the tables keep it, with everything derived again. */
export function installedOf(plain: PlainChild, erouteKey: string): Installed {
  const { child, ikeSpi, takesFrom, inbound, outbound, packetsIn, packetsOut } = plain;
  const { path, encapsulate, reqid, options, remoteSubnets, ours, outboundWaiting, asked, moving } =
    plain;
  const place = { child, path, encapsulate, reqid, options, remoteSubnets };
  return {
    child,
    ikeSpi,
    erouteKey,
    takesFrom,
    place,
    encapsulated: encapsulate,
    inbound,
    outbound,
    packetsIn,
    packetsOut,
    mark: options.mark,
    policies: undefined,
    routes: childRoutes(place),
    outboundWaiting,
    asked,
    moving,
    isKeptFirst: plain.ticket !== undefined,
    ticket: plain.ticket ?? ANSWERED,
    pending: 0,
    ours,
    refusal: undefined,
    drains: false,
    phase: plain.ticket === undefined ? "up" : "installing",
  };
}

/** The kernel has answered, and the IKE SA knows it. */
const ANSWERED = 0 as Ticket;
