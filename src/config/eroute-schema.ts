/** Keys of an [[eroute]]. */

import { z } from "zod";
import { choice, flag, integer, type KeyMeta, text, textOrList } from "./schema-keys.ts";

export const erouteSchema = z.strictObject({
  name: text({
    description: "Its name in messages and pages.",
    expected: 'a name of letters, digits, ".", "_" and "-", such as "fleet"',
    required: true,
  }),
  egroup: text({
    description: "Egroup of its sites: makes it a base eroute. Without one it is a normal eroute.",
    expected: "the name of an egroup",
  }),
  peerid: text({
    description: "IDs that it matches: * is any run of characters or none, ? is exactly one.",
    expected: 'an ID or a pattern of 1 to 255 characters, such as "site-*"',
    required: true,
  }),
  ourid: text({
    description: "The ID that we present; without it, our certificate's subject, or our address.",
    expected: 'an ID of 1 to 255 characters, such as "concentrator.example"',
  }),
  peer_auth: choice(["psk", "certificate", "either"], {
    description: "How a site authenticates: with its pre-shared key, or with a certificate.",
    default: '"psk"; with ca_file, "certificate"',
  }),
  ca_file: text({
    description: "Authorities that may issue certificates of sites.",
    expected: "the path of a PEM file with certificates of authorities, at most 64",
  }),
  certificate_file: text({
    description: "Our certificate, with which we authenticate instead of the pre-shared key.",
    expected: "the path of a PEM file: our certificate, behind it those up to the root",
  }),
  private_key_file: text({
    description: "Its private key.",
    expected: "the path of a PEM file with an RSA, ECDSA or Ed25519 key without a passphrase",
  }),
  rsa_signature: choice(["pss", "pkcs1"], {
    description: "How an RSA key signs: RSASSA-PSS, or PKCS #1 v1.5 for peers without it.",
    default: '"pss"',
  }),
  peerip: text({
    description: "Where to call the peer. Not in a base eroute: it comes from the row.",
    expected: "an IP address or a host name",
  }),
  bakpeerip: text({
    description: "Where to call it when peerip does not answer. Not in a base eroute.",
    expected: "an IP address or a host name",
  }),
  local_subnet: textOrList({
    description: "Subnets on our side: at most 64, and 256 pairs with those on the other side.",
    expected: 'a subnet, "10.0.0.0/16", or a list of them',
    required: true,
  }),
  remote_subnet: textOrList({
    description: "Subnets on the other side. In a base eroute: wide enough for all its sites.",
    expected: 'a subnet, "192.168.0.0/16", or a list of them',
    required: true,
  }),
  ike: textOrList({
    description:
      "Proposals for the IKE SA, best first. Additional key exchanges (RFC 9370) follow as ke1_ " +
      "to ke7_: x25519-ke1_mlkem768; ke1_none beside it makes it optional.",
    expected: 'a proposal, "aes256gcm16-prfsha256-x25519", or a list of them',
    default:
      "AES-GCM, ChaCha20-Poly1305, AES-CBC with SHA-2; X25519, ECP-256, MODP-2048; ML-KEM-768 or " +
      "ML-KEM-1024 after it, if the other end has it",
  }),
  esp: textOrList({
    description:
      "Proposals for its Child SAs, best first. A key exchange in it means perfect forward " +
      "secrecy, with ke1_ to ke7_ as in ike.",
    expected: 'a proposal, "aes256gcm16-x25519", or a list of them',
    default: "AES-GCM and AES-CBC with SHA-2",
  }),
  ike_version: choice(["v2", "v1", "both"], {
    description: "Versions of IKE that its sites may use; IKEv1 is for old routers (RFC 9395).",
    default: '"v2"',
  }),
  ikev1_mode: choice(["both", "main", "aggressive"], {
    description: "With IKEv1: how Phase 1 may begin, in Main Mode or in Aggressive Mode.",
    default: '"both"',
  }),
  legacy: flag("With IKEv1: 3DES, SHA-1, MD5 and the groups 2 and 5 are allowed.", false),
  xauth: flag("With IKEv1: sites also authenticate with a user name and password (XAUTH).", false),
  mode_config: choice(["pull", "push"], {
    description:
      "With IKEv1: whether a site that calls asks for its address (Mode Config), or is told it.",
    default: '"pull"',
  }),
  sha256_96: flag("With IKEv1: SHA2-256 of ESP is truncated to 96 bits, for old kernels.", false),
  lifetime: text({
    description: "Age at which a Child SA is rekeyed.",
    expected: 'a time from 5s to 7d, such as "1h"',
    default: '"1h"',
  }),
  ike_lifetime: text({
    description: "Age at which an IKE SA is rekeyed.",
    expected: 'a time from 5s to 30d, such as "4h"',
    default: '"4h"',
  }),
  start: choice(["on-traffic", "always", "never"], {
    description: "When we call: when a packet needs an SA, always (normal eroutes only), or never.",
    default: '"on-traffic"',
  }),
  lifetime_bytes: z
    .union([z.int(), z.string()])
    .optional()
    .meta({
      description: "Traffic after which a Child SA is rekeyed, if that comes before its lifetime.",
      expected: 'a number of bytes, at least 1MB: 500000000, "500MB" or "2GiB"',
    } satisfies KeyMeta),
  dpd: text({
    description:
      "Silence after which a liveness check is sent; a site that does not answer is closed.",
    expected: 'a time from 1s to 1d, such as "30s", or "off"',
    default: '"30s"',
  }),
  lifetime_packets: integer(1_000, 4_000_000_000, {
    description:
      "Packets after which a Child SA is rekeyed; always before its sequence numbers run out.",
    default: "without limit",
  }),
  replay_window: integer(32, 4096, {
    description: "How many packets late an ESP packet may arrive and still be accepted.",
    default: "128",
  }),
  reauth: text({
    description: "Age at which a site has to authenticate again; off: never.",
    expected: 'a time from 1m to 30d, such as "24h", or "off"',
    default: '"off"',
  }),
  inactivity: text({
    description: "Time without packets in either direction after which its SAs are removed.",
    expected: 'a time from 10s to 30d, such as "15m", or "off"',
    default: '"off"',
  }),
  no_sa: choice(["initiate", "drop", "pass"], {
    description: "Outgoing packets without an SA: call the site, drop them, or send them in clear.",
    default: '"initiate"',
  }),
  uniqueness: choice(["replace", "keep", "never"], {
    description:
      "A second IKE SA of a connected site: replaces the first, waits while the first one's site " +
      "answers elsewhere, or both stay.",
    default: '"replace"',
  }),
  overlap: choice(["refuse", "replace", "allow"], {
    description:
      "A site with the subnet of another connected site: is refused, replaces it, or both stay.",
    default: '"refuse"',
  }),
  unknown_sites: choice(["refuse", "silent"], {
    description: "Its sites without a row, disabled or with a wrong key: refused, or not answered.",
    default: "that of [ike]",
  }),
  child_sas_max: integer(1, 256, {
    description: "Child SAs that a site may have in one IKE SA, not counting those being replaced.",
    default: "16",
  }),
  mobike: flag("A site may move to another address (RFC 4555).", true),
  fragmentation: flag("Long IKE messages are sent in fragments (RFC 7383).", true),
  fragment_size: integer(576, 9_000, {
    description: "Longest IP packet of an unfragmented IKE message, octets: less for a poor path.",
    default: "1280",
  }),
  ppk: choice(["if-set", "optional", "required", "off"], {
    description:
      "Post-quantum keys (RFC 8784): a site with one must or may use it, all must, none does.",
    default: '"if-set"',
  }),
  redirect: text({
    description: "Gateway to which sites that call are redirected, if they support it (RFC 5685).",
    expected: 'an IP address or a host name, such as "vpn2.example"',
  }),
  follow_redirect: flag("A site that we call may redirect us elsewhere (RFC 5685).", false),
  transport: flag("Transport mode, where a site asks for it and no NAT is on the way.", false),
  protocol: z
    .union([z.string(), z.int()])
    .optional()
    .meta({
      description: "Only packets of this IP protocol.",
      expected: '"tcp", "udp", "icmp", "icmp6", "gre", "sctp" or a number from 1 to 255',
      default: "all",
    } satisfies KeyMeta),
  local_port: integer(1, 65_535, { description: "Only packets of this port on our side." }),
  remote_port: integer(1, 65_535, { description: "Only packets of this port on the other side." }),
  dns: textOrList({
    description: "Name servers for a site that asks for a configuration (virtual IP).",
    expected: 'an IP address, "10.0.0.53", or a list of at most 8 of them',
  }),
  copy_dscp: flag("The outer header gets the DSCP of the inner one.", true),
  ecn: flag("ECN marks are copied between inner and outer header.", true),
  path_mtu_discovery: flag(
    "The outer packet may not be fragmented if the inner one may not.",
    true,
  ),
  if_id: integer(1, 0xffff_ffff, {
    description: "XFRM interface ID of states and policies, for route-based set-ups.",
  }),
  mark: z
    .union([z.string(), z.int()])
    .optional()
    .meta({
      description: "Mark of states and policies: only packets that carry it match this eroute.",
      expected: 'a number, or value and mask: 16, "0x10" or "0x10/0xff"',
    } satisfies KeyMeta),
  routes: flag("Routes to the remote subnets exist while a Child SA is up.", false),
});
