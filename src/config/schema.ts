/** The configuration file's keys and types (zod); the reference is made from their descriptions. */

import { z } from "zod";
import { erouteSchema } from "./eroute-schema.ts";
import { ikeSchema } from "./ike-schema.ts";
import { LOG_LEVELS } from "./log-level.ts";
import {
  choice,
  flag,
  integer,
  type KeyMeta,
  maskKey,
  prefixLengthOrFalse,
  section,
  sections,
  text,
  textOrList,
} from "./schema-keys.ts";

const PASSWORD_FILE = "the path of a file that holds the password and nothing else";
const PASSWORD_ENV = "the name of an environment variable that holds the password";

const dataplaneSchema = z.strictObject({
  kind: choice(["xfrm", "none"], {
    description:
      "Where ESP is processed: in the Linux kernel (xfrm), or nowhere (none, for experiments).",
    default: '"xfrm"',
  }),
  keep_blocking: flag(
    "Packets that need an SA stay blocked after erouted has ended: never in clear.",
    true,
  ),
  keep: choice(["state", "none"], {
    description: "What the next start takes over from RUNTIME_DIRECTORY: all SAs (state), or none.",
    default: '"state"',
  }),
  policy_hash: prefixLengthOrFalse(32, {
    description:
      "IPv4 subnets of sites that are as long as this or longer are found by hash in the kernel.",
    default: "remote_mask of the egroups, the longest, but from 16 to 24; 24 without one",
  }),
  policy_hash6: prefixLengthOrFalse(128, {
    description: "The same for IPv6.",
    default: "remote_mask6 of the egroups, the longest, but from 48 to 64; 64 without one",
  }),
});

const dynamicEroutesSchema = z.strictObject({
  max: integer(1, 1_000_000, {
    description: "Dynamic eroutes that can exist at the same time.",
    default: "4096",
  }),
  evict_below_free_percent: integer(0, 99, {
    description: "The oldest are removed while fewer than this percentage are free.",
    default: "10",
  }),
  evict_interval: text({
    description: "How often the number of free ones is checked.",
    expected: 'a time from 1s to 1h, such as "10s"',
    default: '"10s"',
  }),
  redirect_to: text({
    description:
      "Gateway to which new sites are redirected, if possible, instead of evicting the oldest.",
    expected: 'an IP address or a host name, such as "vpn2.example"',
  }),
  unknown_id_memory: text({
    description: "How long an ID without a row is refused without asking the database again.",
    expected: 'a time from 0s to 10m, such as "2s"',
    default: '"2s"',
  }),
});

const statusSchema = z.strictObject({
  listen: text({
    description: "Address and port of the status server. All but loopback need a token.",
    expected: '"127.0.0.1:8080", "[::1]:8080", "localhost:8080" or "off"',
    default: '"127.0.0.1:8080"',
  }),
  token_file: text({
    description: "File with the token that every request must carry: Authorization: Bearer TOKEN.",
    expected: "the path of a file that holds the token (16 characters or more) and nothing else",
  }),
  token_env: text({
    description: "Environment variable with the token, instead of token_file.",
    expected: "the name of an environment variable that holds the token",
  }),
  operate_token_file: text({
    description:
      "File with the token for connect, disconnect, reload and so on; required for these.",
    expected: "the path of a file that holds the token (16 characters or more) and nothing else",
  }),
  operate_token_env: text({
    description: "Environment variable with this token, instead of operate_token_file.",
    expected: "the name of an environment variable that holds the token",
  }),
  allow_key_export: flag(
    "The operate token also gives access to the keys of IKE messages, to decrypt captures.",
    false,
  ),
  tls_cert_file: text({
    description: "Certificate, followed by those of its issuers: the server then speaks HTTPS.",
    expected: "the path of a PEM file",
  }),
  tls_key_file: text({
    description: "Private key of the certificate. Both files are read again by a reload.",
    expected: "the path of a PEM file",
  }),
});

const logSchema = z.strictObject({
  level: choice(LOG_LEVELS, {
    description: "Lowest level of the lines that are written.",
    default: '"info"',
  }),
  format: choice(["text", "json"], {
    description: "Lines of text, or one JSON object on each line.",
    default: '"text"',
  }),
});

const DEFAULT_DIRECTION = "Traffic that no eroute matches, ";

const defaultErouteSchema = z.strictObject({
  outbound: choice(["pass", "drop"], {
    description: `${DEFAULT_DIRECTION}from here: passes in clear, or is dropped.`,
    default: '"pass"',
  }),
  inbound: choice(["pass", "drop"], {
    description: `${DEFAULT_DIRECTION}to here: passes in clear, or is dropped.`,
    default: '"pass"',
  }),
  except: textOrList({
    description: "Subnets whose packets always pass: management, databases, name servers.",
    expected: 'a subnet, "192.0.2.0/24", or a list of them',
  }),
});

/** A column that the table need not have: false or an empty text says that it does not. */
function optionalColumn(name: string, description: string) {
  const meta = {
    description,
    expected: "the name of a column, or false if the table has none",
    default: `"${name}"`,
  };
  return z
    .union([z.string(), z.literal(false)])
    .optional()
    .meta(meta);
}

/** An optional column that few tables have: used if it exists; required if its name is given. */
function columnOfFew(name: string, description: string) {
  const meta = {
    description,
    expected: "the name of a column, or false if the table has none",
    default: `"${name}", if the table has it`,
  };
  return z
    .union([z.string(), z.literal(false)])
    .optional()
    .meta(meta);
}

function neededColumn(name: string, description: string) {
  return text({ description, expected: "the name of a column", default: `"${name}"` });
}

const columnsSchema = z.strictObject({
  peerid: neededColumn("peerid", "The ID that the site presents."),
  password: neededColumn("password", "Its pre-shared key."),
  remip: neededColumn("remip", "Its subnet's address, with or without /length."),
  remmsk: optionalColumn("remmsk", "Its subnet's mask; otherwise remote_mask applies."),
  peerip: optionalColumn("peerip", "Where it can be called: address or host name."),
  bakpeerip: optionalColumn("bakpeerip", "Where it can be called when peerip does not answer."),
  ourid: optionalColumn("ourid", "The ID that we present to it; otherwise the eroute's ourid."),
  locip: columnOfFew("locip", "Subnets on our side that it can reach; otherwise the eroute's."),
  disabled: columnOfFew("disabled", "1 or true: the site is refused."),
  lifetime: columnOfFew("lifetime", "Age at which its Child SAs are rekeyed."),
  inactivity: columnOfFew("inactivity", "Time without packets after which its SAs are removed."),
  if_id: columnOfFew("if_id", "XFRM interface ID of its states and policies."),
  ppk: columnOfFew("ppk", "Its post-quantum pre-shared key (RFC 8784)."),
  ppk_id: columnOfFew("ppk_id", "The name of that key at both ends; otherwise the peerid."),
  post_quantum: columnOfFew("post_quantum", "1 or true: it needs a post-quantum key exchange."),
  changed: columnOfFew("changed", "A time or counter that grows when the row is written."),
});

const egroupSchema = z.strictObject({
  name: text({
    description: "Its name in eroutes and messages.",
    expected: 'a name of letters, digits, ".", "_" and "-", such as "sites"',
    required: true,
  }),
  database: text({
    description: "The database that holds the sites, without the password.",
    expected:
      '"mysql://USER@HOST:PORT/DATABASE" (or HOST,HOST), "mysql://USER@/DATABASE?socket=PATH" ' +
      'or "sqlite:PATH"',
    required: true,
  }),
  password_file: text({
    description: "File with the database user's password.",
    expected: PASSWORD_FILE,
  }),
  password_env: text({
    description: "Environment variable with this password, instead of password_file.",
    expected: PASSWORD_ENV,
  }),
  table: text({
    description: "The table, with one row for each site.",
    expected: 'the name of a table: letters, digits, "_", "$" and "-", at most 64',
    default: '"eroutes"',
  }),
  where: text({
    description: "A condition in SQL that selects the sites, for tables that hold other rows, too.",
    expected: "a condition such as \"kind = 'vpn' AND active = 1\", without ; ? and comments",
    default: "all rows",
  }),
  password_format: choice(["auto", "text", "hex", "base64"], {
    description: "How passwords are written; auto: 0x begins hexadecimal, 0s base64.",
    default: '"auto"',
  }),
  columns: columnsSchema.optional().meta({
    description: "The table's own column names, by ours.",
    expected: 'names of columns by ours: { peerid = "device_id", password = "psk" }',
  } satisfies KeyMeta),
  remote_mask: maskKey({
    description: "Mask of a site's IPv4 subnet if its row has none.",
    expected: 'an IPv4 mask: "255.255.255.0" or 24',
  }),
  remote_mask6: maskKey({
    description: "Prefix length of a site's IPv6 subnet if its row has none.",
    expected: "an IPv6 prefix length: 64",
  }),
  lookup_deadline: text({
    description: "How long a look-up may take before it counts as failed.",
    expected: 'a time from 10ms to 1m, such as "2s"',
    default: '"2s"',
  }),
  poll_interval: text({
    description: "How often some of the connected sites' rows are checked for changes.",
    expected: 'a time from 100ms to 1h, such as "10s", or "off"',
    default: '"10s"',
  }),
  pool: integer(1, 256, {
    description: "Connections to the database at the same time (MySQL).",
    default: "8",
  }),
  waiting_max: integer(1, 1_000_000, {
    description: "Look-ups that may wait at the same time; one more fails at once.",
    default: "10000",
  }),
  tls: choice(["off", "verify", "encrypt-only"], {
    description:
      "TLS to the database: verify checks the server's certificate, encrypt-only does not.",
    default: '"verify", on a Unix socket or loopback address "off"',
  }),
  tls_cert_file: text({
    description: "Our certificate for the database, if its server requires one (REQUIRE X509).",
    expected: "the path of a PEM file; tls_key_file beside it",
  }),
  tls_key_file: text({
    description: "Its private key.",
    expected: "the path of a PEM file with a private key without a passphrase",
  }),
  tls_ca_file: text({
    description: "Certificates of authorities to trust, instead of the system's.",
    expected: "the path of a PEM file",
  }),
});

const userSchema = z.strictObject({
  name: text({
    description: "The peer ID.",
    expected: 'an ID of 1 to 255 characters, such as "lab-gw"',
    required: true,
  }),
  password_file: text({
    description: "File with its pre-shared key; 0x begins hexadecimal, 0s base64.",
    expected: PASSWORD_FILE,
  }),
  password_env: text({
    description: "Environment variable with this key, instead of password_file.",
    expected: PASSWORD_ENV,
  }),
  ppk_file: text({
    description: "File with its post-quantum pre-shared key (RFC 8784), in the same forms.",
    expected: "the path of a file that holds the key and nothing else",
  }),
  ppk_env: text({
    description: "Environment variable with this key, instead of ppk_file.",
    expected: "the name of an environment variable that holds the key",
  }),
  ppk_id: text({
    description: "The name of that key at both ends.",
    expected: "a text of at most 255 octets, or 0x and hex digits",
    default: "the name",
  }),
});

const reloadSchema = z.strictObject({
  close_percent_max: integer(0, 100, {
    description:
      "A reload that would close more than this percentage of the connected sites is refused, " +
      "unless --force is given.",
    default: "the value in force before; 10 at the start",
  }),
});

/** The whole file. {@link KeyMeta} says which keys are required: types are checked first. */
export const configSchema = z.strictObject({
  ike: section(ikeSchema, "ike", "How IKE is spoken."),
  dataplane: section(dataplaneSchema, "dataplane", "Where ESP is processed."),
  dynamic_eroutes: section(dynamicEroutesSchema, "dynamic_eroutes", "Their number, and eviction."),
  default_eroute: section(defaultErouteSchema, "default_eroute", "Traffic that no eroute matches."),
  status: section(statusSchema, "status", "The status server."),
  reload: section(reloadSchema, "reload", "What a reload may do to connected sites."),
  log: section(logSchema, "log", "What is written to standard output."),
  egroup: sections(egroupSchema, "egroup", "The sites of one database table."),
  eroute: sections(erouteSchema, "eroute", "Which sites may connect, and to what."),
  user: sections(userSchema, "user", "Local users: pre-shared keys of normal eroutes' peers."),
});

export type RawConfig = z.infer<typeof configSchema>;
export type RawEgroup = z.infer<typeof egroupSchema>;
export type RawEroute = z.infer<typeof erouteSchema>;
export type RawUser = z.infer<typeof userSchema>;
