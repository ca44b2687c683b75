/** What a configuration was read from is enough to read it once more. */

import { expect, test } from "bun:test";
import { type Config, readConfig } from "../../../src/config/config.ts";
import { filesOf, isSameSources, sourcesFrom, sourcesText } from "../../../src/config/sources.ts";
import { err, ok, type Result } from "../../../src/octets/result.ts";

const TEXT = `
[status]
token_env = "TOKEN"
[[user]]
name = "lab-gw"
password_file = "/etc/lab.secret"
[[eroute]]
name = "lab"
peerid = "lab-gw"
peerip = "198.51.100.7"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
`;

function read(text: string, secret = "a password of the lab"): Config {
  const config = readConfig(
    text,
    {
      readSecret: (path): Result<string, string> =>
        path === "/etc/lab.secret" ? ok(secret) : err("there is no such file"),
      wallMs: () => 1_800_000_000_000,
      env: (name) => (name === "TOKEN" ? "0123456789abcdef0123" : undefined),
    },
    "a.toml",
  );
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return config.value;
}

test("a configuration is read again from what was written of its sources", () => {
  const config = read(TEXT);
  const sources = sourcesFrom(sourcesText(config.sources));
  if (sources === undefined) throw new Error("they were written");
  const again = readConfig(
    sources.text,
    filesOf(sources, () => 1_800_000_000_000),
    "a.toml",
  );
  expect(again).toEqual({ ok: true, value: config });
  expect(isSameSources(sources, config.sources)).toBe(true);
});

test("another text, and another secret in a file, are other sources", () => {
  const { sources } = read(TEXT);
  expect(isSameSources(sources, read(`${TEXT}dpd = "60s"\n`).sources)).toBe(false);
  expect(isSameSources(sources, read(TEXT, "another password").sources)).toBe(false);
});

test("what is no text of sources is refused", () => {
  for (const text of [
    "",
    "{}",
    "null",
    '{"text":1,"files":[],"env":[]}',
    '{"text":"","files":[[1]]}',
  ]) {
    expect(sourcesFrom(text)).toBeUndefined();
  }
});
