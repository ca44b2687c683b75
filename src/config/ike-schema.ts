/** The keys of `[ike]` and their types; the reference is made from their descriptions. */

import { z } from "zod";
import { choice, flag, integer, type KeyMeta, text, textOrList } from "./schema-keys.ts";

export const ikeSchema = z.strictObject({
  listen: textOrList({
    description: "Local addresses on which IKE is spoken.",
    expected: 'an IP address, or a list of them: ["0.0.0.0", "::"]',
    default: '["0.0.0.0", "::"]',
  }),
  port: integer(1, 65_535, {
    description: "UDP port of IKE (RFC 7296 §2).",
    default: "500",
  }),
  nat_port: integer(1, 65_535, {
    description: "UDP port of IKE and ESP through NAT (RFC 3948).",
    default: "4500",
  }),
  half_open_max: integer(1, 1_000_000, {
    description: "IKE SAs that are not authenticated yet, in all; more are not answered.",
    default: "10000",
  }),
  half_open_memory: text({
    description: "Memory of these, in all; one address (of IPv6 one /64) may use half of it.",
    expected: 'a number of octets from 1MiB on, such as "64MiB"',
    default: '"64MiB"',
  }),
  cookie_above: integer(0, 1_000_000, {
    description: "With more half-open IKE SAs than this, new peers must return a cookie first.",
    default: "256",
  }),
  half_open_timeout: text({
    description: "Time in which a peer has to authenticate.",
    expected: 'a time from 1s to 10m, such as "30s"',
    default: '"30s"',
  }),
  half_open_per_prefix: integer(1, 1_000_000, {
    description: "Half-open IKE SAs that one address (of IPv6 one /64) may have without a cookie.",
    default: "1000",
  }),
  unknown_sites: choice(["refuse", "silent"], {
    description:
      "IDs without a row or an eroute, disabled rows, wrong keys: refused, or not answered.",
    default: '"refuse"',
  }),
  ike_sas_per_site: integer(4, 1_000, {
    description: "IKE SAs of one site; one more closes its oldest, with a Delete.",
    default: "16",
  }),
  child_sas_per_site: integer(4, 10_000, {
    description: "Child SAs of one site, in all its IKE SAs; one more closes its oldest.",
    default: "64",
  }),
  calls_max: integer(1, 100_000, {
    description: "Sites that are called at the same time.",
    default: "256",
  }),
  retransmit_first: text({
    description: "How long the first copy of a request waits for its answer, give or take a fifth.",
    expected: 'a time from 100ms to 1m, such as "1s"',
    default: '"1s"',
  }),
  retransmit_backoff: z
    .number()
    .min(1)
    .max(4)
    .optional()
    .meta({
      description: "How much longer each further copy waits.",
      expected: "a number from 1 to 4, such as 1.8",
      default: "1.8",
    } satisfies KeyMeta),
  retransmit_tries: integer(1, 30, {
    description: "Copies of a request that are sent before a site counts as gone.",
    default: "7, over about 75 s",
  }),
  nat_keepalive: text({
    description: "NAT keepalive interval.",
    expected: 'a time from 1s to 10m, such as "20s"',
    default: '"20s"',
  }),
  full_transcript_auth: flag(
    "AUTH covers both IKE_SA_INIT messages (downgrade prevention), with sites that support it.",
    true,
  ),
  intermediate_ppk: flag("PPKs protect the first IKE SA too, if possible (RFC 9867).", false),
  warm_up: flag(
    "Code for sites that call is compiled ahead, while no site calls: some 4 s of CPU. Memory " +
      "grows by 90 MiB for twenty seconds, and by 30 for good. The log says when it is over.",
    true,
  ),
});
