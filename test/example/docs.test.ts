/**
 * The documents' commands: those in `sh` blocks are run unchanged against a daemon with the quick
 * start's configuration; links lead somewhere.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freeTcpPort, freeUdpPorts } from "../free-port.ts";
import { patient } from "../patience.ts";

const PROJECT = join(import.meta.dir, "../..");
const START_MS_MAX = patient(10_000);
const COMMAND_MS_MAX = patient(15_000);

/** In the order in which a newcomer reads them: later ones use what earlier ones created. */
const RUN = [
  "quick-start",
  "recipes",
  "why",
  "troubleshooting",
  "security",
  "scale",
  "migration",
  "logs",
  "operating",
  "README",
];
/**
 * Documents whose commands are run elsewhere, except those that need an OpenWrt device; those of
 * the benchmarks take an hour, and are part of `make bench`.
 */
const RUN_ELSEWHERE = {
  packages: "real/packages.test.ts",
  image: "real/router.ts",
  benchmarks: "bench/rivals/rivals.ts",
};
/**
 * The executable is already built; `erouted run` is the daemon, started once; `erouted check`
 * without `--offline` finds its ports in use (real/packages.test.ts has a machine where it works).
 */
const OTHERS = /^(make |systemctl |erouted (run|check) *$)/;
/** They run until they are stopped; Ctrl-C is a good end. */
const ENDLESS = /--(follow|watch)|--for 5m/;
/** Their answer about a site that does not exist is right too. */
const OF_SITE = /^erouted (why|sa|connect|disconnect|rekey|capture) /;
const WITH_DAEMON = /^(curl|erouted (status|tunnels|reload|peers reload|events|debug|log-level)) /;

const port = await freeUdpPorts();
const statusPort = freeTcpPort();

let folder: string;
let daemon: ReturnType<typeof Bun.spawn> | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "erouted-docs-"));
  const executable = process.env.EROUTED_EXECUTABLE;
  const call =
    executable === undefined || executable === ""
      ? `"${process.execPath}" "${join(PROJECT, "src/main.ts")}"`
      : `"${executable}"`;
  // Commands that name no file use this one.
  const wrapper = `#!/bin/sh
case "$*" in --version|*--help*) exec ${call} "$@";; esac
exec ${call} "$@" --config ${folder}/etc/erouted.toml
`;
  await Bun.write(join(folder, "bin/erouted"), wrapper);
  await Bun.write(join(folder, "etc/erouted.toml"), configuration());
  await Bun.write(join(folder, "var/nothing"), "");
  const made = Bun.spawnSync(["chmod", "755", join(folder, "bin/erouted")]);
  expect(made.success).toBe(true);
}, COMMAND_MS_MAX);

afterAll(async () => {
  daemon?.kill("SIGTERM");
  await daemon?.exited;
  rmSync(folder, { recursive: true, force: true });
});

/** The quick start's configuration, where an ordinary user can run it. */
function configuration(): string {
  const [block] = blocks("quick-start", "toml");
  return `${here(block ?? "")}
[ike]
listen = "127.0.0.1"
port = ${port}
nat_port = ${port + 1}
[dataplane]
kind = "none"
`.replace("[status]", `[status]\nlisten = "127.0.0.1:${statusPort}"\nallow_key_export = true`);
}

/** Paths of the system become those of the folder. */
function here(text: string): string {
  return text
    .replaceAll("/etc/erouted/", `${folder}/etc/`)
    .replaceAll("/var/lib/erouted", `${folder}/var`)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${statusPort}`)
    .replaceAll("--config FILE", "")
    .replaceAll("build/out/erouted", "erouted");
}

function blocks(document: string, language: string): string[] {
  const path = document === "README" ? "README.md" : `docs/${document}.md`;
  const text = readFileSync(join(PROJECT, path), "utf8");
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"));
  return [...found].map(([, block = ""]) => block);
}

/** Lines that are commands, without their explanations. */
function commandsOf(document: string): string[] {
  return blocks(document, "sh")
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*/, "").trim())
    .filter((line) => line !== "");
}

async function run(command: string): Promise<{ code: number; said: string }> {
  const ends = ENDLESS.test(command) ? "timeout --preserve-status -s INT 2 " : "";
  const child = Bun.spawn(["sh", "-c", `${ends}${here(command)}`], {
    cwd: folder,
    env: { ...process.env, TOKEN: operateToken(), PATH: `${folder}/bin:${process.env.PATH}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_MS_MAX,
  });
  const out = await new Response(child.stdout).text();
  const err = await new Response(child.stderr).text();
  return { code: await child.exited, said: out + err };
}

/** The table that the quick start creates. */
function operateToken(): string {
  const file = join(folder, "etc/operate.token");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}

/** The configured daemon is started once. */
async function startDaemon(): Promise<void> {
  if (daemon !== undefined) return;
  const path = { PATH: `${folder}/bin:${process.env.PATH}` };
  daemon = Bun.spawn(["sh", "-c", "exec erouted run"], {
    ...{ cwd: folder, env: { ...process.env, ...path } },
    ...{ stdin: "ignore", stdout: Bun.file(join(folder, "log")), stderr: "inherit" },
  });
  const until = performance.now() + START_MS_MAX;
  while ((await run("erouted status")).code !== 0) {
    if (performance.now() > until) throw new Error(await Bun.file(join(folder, "log")).text());
    await Bun.sleep(100);
  }
}

describe("commands of the documents", () => {
  for (const document of RUN) {
    test(
      document,
      async () => {
        // It starts from scratch, without the row that the quick start has created.
        if (document === "operating") await run("erouted peers remove site-1");
        for (const command of commandsOf(document)) {
          if (OTHERS.test(here(command))) continue;
          if (WITH_DAEMON.test(`${command} `) || OF_SITE.test(command)) await startDaemon();
          const { code, said } = await run(command);
          // 1: it said why not; 4: not connected. Wrong usage would be 2.
          const ofSite = OF_SITE.test(command) && /site-|198\.51/.test(said) ? [1, 4] : [];
          const mayBe = [0, ...ofSite, ...(ENDLESS.test(command) ? [130] : [])];
          expect({ command, code, said: mayBe.includes(code) ? "" : said }).toEqual({
            ...{ command, code: mayBe.includes(code) ? code : 0, said: "" },
          });
        }
      },
      patient(60_000),
    );
  }
});

test("each document with commands is run, here or by the test that is named", () => {
  const documents = readdirSync(join(PROJECT, "docs")).filter((name) => name.endsWith(".md"));
  const withCommands = documents
    .map((name) => name.replace(/\.md$/, ""))
    .filter((name) => commandsOf(name).length > 0);
  const elsewhere = Object.entries(RUN_ELSEWHERE);
  expect(withCommands.toSorted()).toEqual(
    [...RUN.filter((name) => name !== "README"), ...elsewhere.map(([name]) => name)].toSorted(),
  );
  for (const [name, file] of elsewhere) {
    const text = readFileSync(join(import.meta.dir, "..", file), "utf8");
    expect([name, text.includes(`docs/${name}.md`)]).toEqual([name, true]);
  }
});

test("each link of a document leads somewhere", () => {
  const files = ["README.md", "CONTRIBUTING.md", ...documentFiles()];
  const broken = files.flatMap((file) => {
    const text = readFileSync(join(PROJECT, file), "utf8");
    return [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
      .map(([, to = ""]) => join(dirname(file), to))
      .filter((to) => !existsSync(join(PROJECT, to)))
      .map((to) => `${file}: ${to}`);
  });
  expect(broken).toEqual([]);
});

test("each document is found from the README or from the index that it links to", () => {
  const entrances = ["README.md", "docs/index.md", "docs/decisions/README.md"];
  const found = entrances.flatMap((file) => {
    const text = readFileSync(join(PROJECT, file), "utf8");
    return [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, to = ""]) =>
      join(dirname(file), to),
    );
  });
  for (const entrance of entrances.slice(1)) expect(found).toContain(entrance);
  expect(documentFiles().filter((file) => !found.includes(file))).toEqual([]);
});

/** Each document below `docs`, as a path from the project. */
function documentFiles(): string[] {
  return readdirSync(join(PROJECT, "docs"), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`);
}
