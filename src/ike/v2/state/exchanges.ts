/** Codecs for exchanges under way: our own requests, and those of the peer. */

import { ADDKE_MAX } from "../../../crypto/transform.ts";
import {
  bool,
  byKind,
  type Codec,
  constant,
  list,
  mapped,
  octets,
  omissible,
  optional,
  record,
  text,
  u8,
  u16,
  u32,
} from "../../../octets/codec.ts";
import { emitPayloadOctets } from "../../../wire/v2/emit-message.ts";
import type { CpPayload, Payload } from "../../../wire/v2/message.ts";
import { firstPayloadType, parsePayloads } from "../../../wire/v2/payload-chain.ts";
import { TASKS_MAX } from "../../limits.ts";
import {
  childSa,
  choice,
  datagram,
  espAlgorithms,
  espSpi,
  gateway,
  ikeAlgorithms,
  ikeSpi,
  instant,
  key,
  METHOD,
  mode,
  nonce,
  path,
  saId,
  selectors,
  ticket,
} from "../../state/values.ts";
import type { Ticket } from "../../ticket.ts";
import type {
  Asking,
  ChildAsk,
  ChildHow,
  Followup,
  Grant,
  GrantedChild,
  How,
  IkeAsk,
  Rival,
  Task,
} from "../asking.ts";
import type {
  ChildAnswer,
  ChildPlan,
  OurGrant,
  Serving,
  Unfinished,
} from "../established-phase.ts";
import type { Narrowed } from "../narrow.ts";
import type { ChosenEsp, ChosenIke } from "../proposal.ts";

type TaskOf<K extends Task["kind"]> = Extract<Task, { readonly kind: K }>;
type AskingOf<K extends Asking["kind"]> = Extract<Asking, { readonly kind: K }>;
type ServingOf<K extends Serving["kind"]> = Extract<Serving, { readonly kind: K }>;

const HOW = { ...METHOD, tried: list(u16, 255) } as const;
const CHILD_HOW = { ...HOW, asNew: bool, widely: bool } as const;

const how = record<How>(HOW);
const childHow = record<ChildHow>(CHILD_HOW);

const task: Codec<Task> = byKind<Task>({
  "delete-child": record<TaskOf<"delete-child">>({
    kind: constant("delete-child"),
    spiIn: espSpi,
    spiOut: optional(espSpi),
  }),
  "rekey-child": record<TaskOf<"rekey-child">>({
    kind: constant("rekey-child"),
    spiIn: espSpi,
    how: omissible(childHow),
  }),
  "new-child": record<TaskOf<"new-child">>({
    kind: constant("new-child"),
    local: selectors,
    remote: selectors,
    how: omissible(childHow),
    notBefore: omissible(instant),
  }),
  "rekey-ike": record<TaskOf<"rekey-ike">>({
    kind: constant("rekey-ike"),
    how: omissible(how),
  }),
  liveness: record<TaskOf<"liveness">>({ kind: constant("liveness") }),
  routability: record<TaskOf<"routability">>({ kind: constant("routability"), path }),
  redirect: record<TaskOf<"redirect">>({ kind: constant("redirect"), to: gateway }),
  "invalid-message-id": record<TaskOf<"invalid-message-id">>({
    kind: constant("invalid-message-id"),
    messageId: u32,
  }),
});

export const tasks: Codec<readonly Task[]> = list(task, TASKS_MAX);

/** Private values of key exchanges are as secret as keys. */
const privateOctets = octets(65_535);

const childAsk = record<ChildAsk>({
  ...CHILD_HOW,
  replaces: optional(espSpi),
  local: selectors,
  remote: selectors,
  mode,
  spiIn: espSpi,
  Ni: nonce,
  privateOctets,
});

const ikeAsk = record<IkeAsk>({ ...HOW, spi: ikeSpi, Ni: nonce, privateOctets });

const childRival = optional(record<Rival<ChildAsk["spiIn"]>>({ made: espSpi, nonce }));
const ikeRival = optional(record<Rival<IkeAsk["spi"]>>({ made: ikeSpi, nonce }));

const chosenEsp = record<ChosenEsp>({
  number: u8,
  choice,
  algorithms: espAlgorithms,
  spi: espSpi,
});
const chosenIke = record<ChosenIke>({
  number: u8,
  choice,
  algorithms: ikeAlgorithms,
  spi: key,
});

const granted = record<GrantedChild>({
  chosen: chosenEsp,
  local: selectors,
  remote: selectors,
  mode,
  Nr: nonce,
});

/** Up to seven methods (RFC 9370 §2.2.1), and as many secrets beside the first. */
const methods = list(u16, ADDKE_MAX);
const secrets = list(octets(65_535), ADDKE_MAX + 1);
const link = optional(octets(1_024));

type GrantOf<K extends Grant["of"]> = Extract<Grant, { readonly of: K }>;

const childGrant = record<GrantOf<"child">>({
  of: constant("child"),
  ask: childAsk,
  rival: childRival,
  granted,
});
const ikeGrant = record<GrantOf<"ike">>({
  of: constant("ike"),
  ask: ikeAsk,
  rival: ikeRival,
  id: saId,
  Nr: nonce,
  chosen: chosenIke,
});

const grant: Codec<Grant> = mapped(
  record<{ readonly child: GrantOf<"child"> | undefined; ike: GrantOf<"ike"> | undefined }>({
    child: optional(childGrant),
    ike: optional(ikeGrant),
  }),
  {
    to: (one: Grant) => ({
      child: one.of === "child" ? one : undefined,
      ike: one.of === "ike" ? one : undefined,
    }),
    from: ({ child, ike }, fail) => child ?? ike ?? fail("new keys of nothing"),
  },
);

const followup = record<Followup>({
  grant,
  left: methods,
  secrets,
  link,
  privateOctets,
  isDeleted: bool,
});

export const asking: Codec<Asking> = byKind<Asking>({
  informational: record<AskingOf<"informational">>({ kind: constant("informational") }),
  "delete-children": record<AskingOf<"delete-children">>({
    kind: constant("delete-children"),
    spisOut: list(espSpi, 65_535),
  }),
  routability: record<AskingOf<"routability">>({
    kind: constant("routability"),
    path,
    cookie2: nonce,
  }),
  "child-public-value": record<AskingOf<"child-public-value">>({
    kind: constant("child-public-value"),
    ticket,
    ask: childAsk,
  }),
  "child-response": record<AskingOf<"child-response">>({
    kind: constant("child-response"),
    ask: childAsk,
    rival: childRival,
    deleted: list(u32, 65_535),
  }),
  "child-shared-secret": record<AskingOf<"child-shared-secret">>({
    kind: constant("child-shared-secret"),
    ticket,
    ask: childAsk,
    rival: childRival,
    granted,
    link,
    isDeleted: bool,
  }),
  "child-install": record<AskingOf<"child-install">>({
    kind: constant("child-install"),
    ticket,
    child: childSa,
    rival: childRival,
    isRedundant: bool,
    isDeleted: bool,
  }),
  "ike-public-value": record<AskingOf<"ike-public-value">>({
    kind: constant("ike-public-value"),
    ticket,
    ask: ikeAsk,
  }),
  "ike-response": record<AskingOf<"ike-response">>({
    kind: constant("ike-response"),
    ask: ikeAsk,
    rival: ikeRival,
  }),
  "ike-shared-secret": record<AskingOf<"ike-shared-secret">>({
    kind: constant("ike-shared-secret"),
    ticket,
    ask: ikeAsk,
    rival: ikeRival,
    id: saId,
    Nr: nonce,
    chosen: chosenIke,
    link,
  }),
  "followup-public-value": record<AskingOf<"followup-public-value">>({
    kind: constant("followup-public-value"),
    ticket,
    followup,
  }),
  "followup-response": record<AskingOf<"followup-response">>({
    kind: constant("followup-response"),
    followup,
  }),
  "followup-shared-secret": record<AskingOf<"followup-shared-secret">>({
    kind: constant("followup-shared-secret"),
    ticket,
    followup,
  }),
});

/** The private octets of the key exchange with this ticket. */
export function privateOctetsOfAsking(
  asking: Asking | undefined,
  ticket: Ticket,
): Uint8Array | undefined {
  switch (asking?.kind) {
    case "child-public-value":
    case "child-shared-secret":
    case "ike-public-value":
    case "ike-shared-secret":
      return asking.ticket === ticket ? asking.ask.privateOctets : undefined;
    case "followup-public-value":
    case "followup-shared-secret":
      return asking.ticket === ticket ? asking.followup.privateOctets : undefined;
    default:
      return undefined;
  }
}

/** Payloads, encoded as in a message. */
const payloads: Codec<readonly Payload[]> = {
  write(to, value) {
    u8.write(to, firstPayloadType(value));
    datagram.write(to, emitPayloadOctets(value));
  },
  read(from) {
    const first = u8.read(from);
    const parsed = parsePayloads(first, datagram.read(from), "payloads of an answer");
    return parsed.ok ? parsed.value.payloads : from.r.fail("payloads that cannot be read");
  },
};

const reply: Codec<CpPayload> = mapped(payloads, {
  to: (payload: CpPayload) => [payload],
  from: ([payload], fail) => (payload?.kind === "CP" ? payload : fail("no CP payload")),
});

const narrowed = record<Narrowed>({
  local: selectors,
  remote: selectors,
  leftOut: optional(text(65_535)),
});

const plan = record<ChildPlan>({
  chosen: chosenEsp,
  narrowed,
  mode,
  replaces: optional(childSa),
  Ni: nonce,
  reply: optional(reply),
});

const childAnswer = record<ChildAnswer>({ sa: childSa, payloads });

type OurGrantOf<K extends OurGrant["of"]> = Extract<OurGrant, { readonly of: K }>;

const ourChildGrant = record<OurGrantOf<"child">>({
  of: constant("child"),
  plan,
  Nr: nonce,
  child: childSa,
});
const ourIkeGrant = record<OurGrantOf<"ike">>({
  of: constant("ike"),
  chosen: chosenIke,
  id: saId,
  Ni: nonce,
  Nr: nonce,
});

const ourGrant: Codec<OurGrant> = mapped(
  record<{ readonly child: OurGrantOf<"child"> | undefined; ike: OurGrantOf<"ike"> | undefined }>({
    child: optional(ourChildGrant),
    ike: optional(ourIkeGrant),
  }),
  {
    to: (one: OurGrant) => ({
      child: one.of === "child" ? one : undefined,
      ike: one.of === "ike" ? one : undefined,
    }),
    from: ({ child, ike }, fail) => child ?? ike ?? fail("new keys of nothing"),
  },
);

/** New keys for the peer that need more key exchanges. */
export const unfinished: Codec<Unfinished> = record<Unfinished>({
  grant: ourGrant,
  left: methods,
  secrets,
  link: octets(255),
  until: instant,
});

/** A request of the peer after IKE_AUTH. */
export type LaterServing = Exclude<Serving, ServingOf<"ike-auth" | "ike-auth-held">>;

export const serving: Codec<LaterServing> = byKind<LaterServing>({
  "child-key-exchange": record<ServingOf<"child-key-exchange">>({
    kind: constant("child-key-exchange"),
    messageId: u32,
    ticket,
    plan,
  }),
  "child-install": record<ServingOf<"child-install">>({
    kind: constant("child-install"),
    messageId: u32,
    ticket,
    child: childAnswer,
    nonce,
    exchangeType: u8,
  }),
  "followup-key-exchange": record<ServingOf<"followup-key-exchange">>({
    kind: constant("followup-key-exchange"),
    messageId: u32,
    ticket,
    unfinished,
  }),
  "ike-key-exchange": record<ServingOf<"ike-key-exchange">>({
    kind: constant("ike-key-exchange"),
    messageId: u32,
    ticket,
    chosen: chosenIke,
    Ni: nonce,
    spiI: ikeSpi,
  }),
});
