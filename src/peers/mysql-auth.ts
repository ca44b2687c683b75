/** Login methods that the driver lacks: which one the account uses, and what to do. */

/** The client plugin of each method, and what people call it. */
const METHODS: readonly (readonly [plugin: RegExp, name: string])[] = [
  [/ed25519/, "ed25519"],
  [/parsec/, "parsec"],
  [/gssapi|kerberos/, "Kerberos (gssapi)"],
  [/ldap/, "LDAP"],
  [/^dialog$/, "PAM (dialog)"],
  [/clear_password/, "a password in clear (mysql_clear_password, PAM or LDAP)"],
  [/old_password/, "a password hash from before MySQL 4.1 (mysql_old_password)"],
  [/sha256_password/, "sha256_password"],
  [/webauthn|fido/, "a security key (WebAuthn)"],
  [/openid|oci|iam/i, "a token of a cloud"],
];

/** The method that a server asked for and the driver lacks; undefined: another fault. */
export function missingMethod(message: string): string | undefined {
  const plugin = /unknown plugin ([A-Za-z0-9_]+)/.exec(message)?.[1];
  if (plugin === undefined) return undefined;
  const name = METHODS.find(([pattern]) => pattern.test(plugin))?.[1] ?? plugin;
  return `the account logs in by ${name}, which erouted does not support (${plugin})`;
}

/** A login method that erouted supports, for an account of either kind of server. */
export const METHOD_ADVICE =
  "give it a password of a method that erouted supports: in MariaDB `ALTER USER … IDENTIFIED VIA " +
  "mysql_native_password USING PASSWORD('…')`, in MySQL `ALTER USER … IDENTIFIED WITH " +
  "caching_sha2_password BY '…'`; or use a client certificate as well (tls_cert_file)";

/** For an account without a password. */
export const SOCKET_ADVICE =
  "the account has no password: it logs in by unix_socket or auth_socket, which accepts the " +
  "system user of that name, over the Unix socket (?socket=PATH); run erouted as that user, or " +
  "give the account a password";
