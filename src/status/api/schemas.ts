/**
 * Schemas of the answers of the API: the OpenAPI document is made from them, and tests compare
 * answers with them.
 */

import { z } from "zod";
import { JOURNAL_LEVELS } from "../../concentrator/journal/journal.ts";
import { COUNTER_NAMES } from "../../concentrator/snapshot.ts";
import { SITE_STATES } from "../../why/site-facts.ts";
import { EROUTE_STATES } from "../lists/eroutes.ts";
import { LAST_KINDS } from "../lists/not-connected.ts";
import { PEER_STATES } from "../lists/peers.ts";
import { SERIES_NAMES } from "../series.ts";

const count = z.number().min(0);
const time = z.iso.datetime();
const textOrNull = z.string().nullable();
const texts = z.array(z.string());
const textsOrNull = texts.nullable();
const dataplane = z.enum(["xfrm", "none"]);
const hexSpi = z.string().regex(/^0x[0-9a-f]{8}$/);

const ikeSa = z
  .strictObject({
    spi_i: z.string().regex(/^[0-9a-f]{16}$/),
    spi_r: z.string().regex(/^[0-9a-f]{16}$/),
    role: z.enum(["initiator", "responder"]),
    version: z.union([z.literal(1), z.literal(2)]).describe("The version of IKE."),
    algorithms: z.string(),
    key_exchange: z.string().describe("All key exchanges: `X25519+ML_KEM_768`."),
    post_quantum: z.boolean().describe("Whether one of them withstands a quantum computer."),
    ppk: z.boolean(),
    downgrade_prevention: z
      .boolean()
      .describe("Whether the proofs of both ends cover both IKE_SA_INIT messages."),
    local_endpoint: z.string(),
    remote_endpoint: z.string(),
    nat: z.enum(["none", "local", "remote", "both"]),
    established_at: time,
    redirectable: z.boolean().describe("Whether the site can be redirected (RFC 5685)."),
  })
  .describe(
    "An IKE SA. `role` is the role of erouted, SPIs are in hex, `ppk` says whether its keys " +
      "include a PPK (RFC 8784).",
  );

const childSa = z
  .strictObject({
    spi_in: hexSpi,
    spi_out: hexSpi,
    algorithms: z.string(),
    mode: z.enum(["tunnel", "transport"]),
    udp_encapsulation: z.boolean(),
    local_subnets: texts,
    remote_subnets: texts,
    installed_at: time,
    bytes_in: count.nullable(),
    packets_in: count.nullable(),
    bytes_out: count.nullable(),
    packets_out: count.nullable(),
  })
  .describe("A Child SA. Its counters come from the kernel, and are null if the kernel has none.");

const certificate = z
  .strictObject({ subject: z.string(), issuer: z.string(), serial: z.string(), expires_at: time })
  .describe(
    "The certificate that the site authenticated with; null if it used its pre-shared key.",
  );

const eroute = z
  .strictObject({
    name: z.string(),
    kind: z.enum(["dynamic", "normal"]),
    base_eroute: z.string(),
    peer_id: z.string(),
    remote_subnet: textOrNull,
    remote_subnets: texts,
    local_subnets: texts,
    peer_address: textOrNull,
    state: z.enum(EROUTE_STATES),
    created_at: time,
    certificate: certificate.nullable(),
    ike_sa: ikeSa.nullable(),
    child_sas: z.array(childSa),
  })
  .describe("An eroute in use.");

const event = z
  .strictObject({
    sequence: count,
    time,
    level: z.enum(JOURNAL_LEVELS),
    site: textOrNull,
    eroute: textOrNull,
    remote: textOrNull,
    ike_sa: textOrNull,
    step: z.string(),
    outcome: z.enum(["ok", "failed", "refused", "note"]),
    reason: z.string(),
    detail: z.string(),
    folded: count.describe("Similar events that were left out; this one stands for them."),
    offered: textsOrNull,
    wanted: textsOrNull,
  })
  .describe("An entry of the journal.");

const page = { total: count, limit: count, offset: count };
const dataplaneKeys = { dataplane, dataplane_note: z.string().optional() };

const attempt = z.strictObject({
  outcome: z.enum(["connected", "failed", "refused", "ended"]),
  times: count,
  first_at: time,
  last_at: time,
  role: z.enum(["initiator", "responder"]).nullable(),
  remote: textOrNull,
  eroute: textOrNull,
  step: z.string(),
  reason: z.string(),
  detail: z.string(),
  offered: textsOrNull,
  configured: textsOrNull,
});

/** Parts of several answers. */
export const PARTS = { IkeSa: ikeSa, ChildSa: childSa, Eroute: eroute, Event: event } as const;

const comparison = z.strictObject({
  about: z.enum(["ike", "esp", "subnets", "proof"]),
  offered: texts,
  configured: texts,
  only_offered: texts,
  only_configured: texts,
  nearest: z
    .array(z.strictObject({ part: z.string(), offered: texts, configured: texts, common: texts }))
    .describe("The two proposals that are most alike, compared part by part."),
  proposal: textOrNull.describe(
    "What to allow in the configuration; null if it cannot be allowed.",
  ),
});

const notConnectedCounts = z
  .strictObject({
    failed: count,
    ended: count,
    disabled: count,
    strangers: count,
    childless: count.describe(
      "Of those that failed or have ended: have an IKE SA, but no Child SA.",
    ),
  })
  .describe(
    "Sites that failed to connect, that were connected before, that are disabled and call, and " +
      "strangers.",
  );

/** Body by name. */
export const ANSWERS = {
  health: z.strictObject({ status: z.enum(["ok", "degraded"]), problems: texts.optional() }),
  status: z.strictObject({
    status: z.enum(["ok", "degraded"]),
    problems: texts,
    version: z.string(),
    started_at: time,
    uptime_seconds: count,
    ...dataplaneKeys,
    config_file: z.string(),
    listening: texts,
    not_connected: notConnectedCounts,
    sites: z
      .strictObject({
        expected: count,
        connected: count,
        seen: count,
        never_seen: count,
        disabled: count,
        summary: z.string(),
      })
      .nullable()
      .describe(
        "Rows that are not disabled, counted once a minute (`expected`). Of these, `connected` " +
          "are connected, `seen` were seen since start and are not connected, and `never_seen` " +
          "were not. Null until the rows are counted.",
      ),
    redirecting: z
      .strictObject({ to: z.string(), waiting: count })
      .nullable()
      .describe(
        "The gateway that all sites are sent to (RFC 5685), and how many have not been told yet.",
      ),
    taken_over: z
      .strictObject({
        before: count,
        now: count,
        closed: z.record(z.string(), count),
        summary: z.string(),
      })
      .nullable()
      .describe(
        "Sites that were connected when the run before ended, and how many of them the start has " +
          "taken over. Null if there was nothing to take over.",
      ),
    gauges: z.record(z.string(), count),
    counters: counterFields(),
    databases: z.array(
      z.strictObject({
        egroup: z.string(),
        source: z.string(),
        lookups: count,
        failures: count,
        waiting: count,
        last_fault: textOrNull,
        seconds_sum: count,
        server: z.string().optional().describe("The server in use, if there are several."),
        failovers: count.optional(),
      }),
    ),
  }),
  dynamicEroutes: z.strictObject({ ...dataplaneKeys, ...page, dynamic_eroutes: z.array(eroute) }),
  eroutes: z.strictObject({ ...dataplaneKeys, ...page, eroutes: z.array(eroute) }),
  drainingStates: z.strictObject({
    total: count,
    draining_states: z.array(
      z.strictObject({ spi: hexSpi, destination: z.string(), ends_at: time }),
    ),
  }),
  events: z.strictObject({ kept_since: time.nullable(), events: z.array(event) }),
  peers: z.strictObject({
    egroup: z.string(),
    next: textOrNull,
    peers: z.array(
      z.strictObject({
        peer_id: z.string(),
        state: z.enum(PEER_STATES),
        seen: z.boolean().describe("Whether the site has been heard of since start."),
        has_password: z.boolean(),
        has_ppk: z.boolean(),
        remip: textOrNull,
        remmsk: textOrNull,
        peerip: textOrNull,
        bakpeerip: textOrNull,
        ourid: textOrNull,
        disabled: z.boolean(),
        overlaps: z
          .array(
            z.strictObject({
              peer_id: z.string(),
              kind: z.enum(["same", "inside", "around"]),
              rule: z.enum(["refuse", "replace", "allow"]),
              connected: z.boolean(),
              subnet: z.string(),
              other_subnet: z.string(),
            }),
          )
          .describe("Other sites with some of the same addresses, a few of them; see `overlap`."),
      }),
    ),
  }),
  notConnected: z.strictObject({
    ...page,
    counts: notConnectedCounts,
    sites: z.array(
      z.strictObject({
        peer_id: textOrNull.describe("Null if none was sent."),
        known: z.boolean().describe("Whether a row or an eroute exists for it."),
        last: z
          .enum(LAST_KINDS)
          .describe("`failed` to connect, or `ended` after it was connected."),
        reason: z.string(),
        words: z.string().describe("The reason in words."),
        detail: z.string(),
        step: z.string(),
        times: count,
        first_at: time,
        last_at: time,
        remote: textOrNull,
        eroute: textOrNull,
      }),
    ),
  }),
  peer: z.strictObject({
    peer_id: z.string(),
    connected: z.boolean(),
    calling: z.boolean(),
    eroutes: z.array(eroute),
  }),
  explanation: z.strictObject({
    peer_id: z.string(),
    connected: z.boolean().nullable().describe("Null if it is not known."),
    state: z.enum(SITE_STATES),
    summary: z.string(),
    findings: z.array(
      z.strictObject({
        about: z.string(),
        verdict: z.enum(["ok", "problem", "note"]),
        detail: z.string(),
      }),
    ),
    comparison: comparison.nullable(),
    advice: texts,
    attempts: z.array(attempt),
  }),
  debugged: z.strictObject({
    debugged: z.array(z.strictObject({ asked: z.string(), seconds: count })),
  }),
  series: z.strictObject({
    step_seconds: count,
    times: z.array(time),
    ...seriesLists(),
  }),
  done: z.looseObject({ outcome: z.string(), after: count, detail: z.string() }),
  problem: z
    .looseObject({
      type: z.string(),
      title: z.string(),
      status: z.number().int(),
      detail: z.string(),
    })
    .describe("A problem (RFC 9457): `detail` says what is wrong and what would be right."),
} as const;

export type AnswerName = keyof typeof ANSWERS;

function seriesLists(): Record<(typeof SERIES_NAMES)[number], z.ZodArray<z.ZodNumber>> {
  const entries = SERIES_NAMES.map((name) => [name, z.array(count)] as const);
  return Object.fromEntries(entries) as Record<
    (typeof SERIES_NAMES)[number],
    z.ZodArray<z.ZodNumber>
  >;
}

/** Each counter by name: a record would name none of them in the document. */
function counterFields() {
  const entries = COUNTER_NAMES.map((name) => [name, count] as const);
  return z.strictObject(Object.fromEntries(entries));
}
