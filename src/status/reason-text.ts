/** The journal's words for why something failed, as people say them. */

/** `Wrong pre-shared key` for `wrong-psk`; a word without an entry here loses its hyphens. */
export function reasonText(reason: string): string {
  const words = REASONS.get(reason) ?? reason.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["wrong-psk", "wrong pre-shared key"],
  ["bad-password", "unreadable password in the row"],
  ["no-password", "no password in the row"],
  ["no-row", "no row in the database"],
  ["duplicate-rows", "several rows for one site"],
  ["no-subnet", "no subnet in the row"],
  ["bad-subnet", "unreadable subnet in the row"],
  ["bad-mask", "unreadable mask in the row"],
  ["outside-base-subnet", "subnet outside the base eroute's"],
  ["bad-peer-address", "unreadable peer address in the row"],
  ["too-many-subnets", "too many subnets in the row"],
  ["bad-local-subnet", "unreadable local subnet in the row"],
  ["outside-base-local-subnet", "local subnet outside the base eroute's"],
  ["bad-disabled", "neither yes nor no in the row's column disabled"],
  ["bad-lifetime", "unreadable lifetime in the row"],
  ["bad-inactivity", "unreadable inactivity time in the row"],
  ["bad-if-id", "unreadable interface ID in the row"],
  ["bad-our-id", "unreadable our ID in the row"],
  ["no-eroute", "no eroute matches the peer ID"],
  ["user-without-eroute", "a local user, but no eroute"],
  ["eroute-without-user", "an eroute, but no local user"],
  ["algorithms-of-eroute", "algorithms are not those of the eroute"],
  ["table-full", "all dynamic eroutes are in use"],
  ["auth-method", "authenticates without a pre-shared key"],
  ["no-proposal-chosen", "no algorithms in common"],
  ["invalid-ke-payload", "another key exchange was asked for"],
  ["ts-unacceptable", "no subnets in common"],
  ["internal-address-failure", "asks for a virtual IP"],
  ["kernel-refused", "refused by the kernel"],
  ["database-unreachable", "database unreachable"],
  ["database-timeout", "database did not answer in time"],
  ["database-access-denied", "database refused the login"],
  ["database-no-table", "table missing in the database"],
  ["database-no-column", "column missing in the table"],
  ["database-overloaded", "too many look-ups at once"],
  ["reconfigured", "the configuration has changed meanwhile"],
  ["row-changed", "the row has changed"],
  ["row-removed", "the row is gone"],
  ["row-disabled", "disabled in its row"],
  ["malformed", "malformed message"],
  ["timeout", "the site stopped answering"],
]);
