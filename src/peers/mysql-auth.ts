/** How a database account logs in where the driver cannot: which way it is, and what to do. */

/** What the client's half of a method is called, and what people call it. */
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

/** Which method a server has asked for that the driver does not have; undefined: nothing of it. */
export function missingMethod(message: string): string | undefined {
  const plugin = /unknown plugin ([A-Za-z0-9_]+)/.exec(message)?.[1];
  if (plugin === undefined) return undefined;
  const name = METHODS.find(([pattern]) => pattern.test(plugin))?.[1] ?? plugin;
  return `the account logs in by ${name}, which erouted does not know (${plugin})`;
}

/** A way to log in that erouted has, for an account of either kind of server. */
export const METHOD_ADVICE =
  "give it a password of a method that erouted knows: in MariaDB `ALTER USER … IDENTIFIED VIA " +
  "mysql_native_password USING PASSWORD('…')`, in MySQL `ALTER USER … IDENTIFIED WITH " +
  "caching_sha2_password BY '…'`; or a client certificate beside it (tls_cert_file)";

/** Of an account without a password. */
export const SOCKET_ADVICE =
  "the account has no password: it logs in by unix_socket or auth_socket, which takes the " +
  "system's user of that name, on the Unix socket (?socket=PATH); run erouted as that user, or " +
  "give the account a password";
