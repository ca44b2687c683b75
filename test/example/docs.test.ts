/**
 * The documents' commands: all that begin with `erouted` in `sh` blocks are run, as they stand,
 * against a daemon with the quick start's configuration; links lead somewhere.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PROJECT = join(import.meta.dir, "../..");
const START_MS_MAX = 10_000;
const COMMAND_MS_MAX = 15_000;

/** In the order in which a newcomer reads them: what one makes the next one uses. */
const RUN = [
  "quick-start",
  "recipes",
  "why",
  "troubleshooting",
  "security",
  "scale",
  "migration",
  "logs",
];
/** What a document shows beside erouted: taken as it is, and not run. */
const OTHERS = /^(curl|journalctl|systemctl|swanctl|modprobe|install|sudo) /;

let folder: string;
let daemon: ReturnType<typeof Bun.spawn> | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "erouted-docs-"));
  const executable = process.env.EROUTED_EXECUTABLE;
  const call =
    executable === undefined || executable === ""
      ? `"${process.execPath}" "${join(PROJECT, "src/main.ts")}"`
      : `"${executable}"`;
  // What is not told of a file is told of this one.
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

/** The quick start's, where an ordinary user can run it. */
function configuration(): string {
  const [block] = blocks("quick-start", "toml");
  const port = 20_000 + 4 * Math.floor(Math.random() * 10_000);
  return `${here(block ?? "")}
[ike]
listen = "127.0.0.1"
port = ${port}
nat_port = ${port + 1}
[dataplane]
kind = "none"
`.replace("[status]", `[status]\nlisten = "127.0.0.1:${port + 2}"\nallow_key_export = true`);
}

/** Paths of the system become those of the folder. */
function here(text: string): string {
  return text
    .replaceAll("/etc/erouted/", `${folder}/etc/`)
    .replaceAll("/var/lib/erouted", `${folder}/var`);
}

function blocks(document: string, language: string): string[] {
  const text = readFileSync(join(PROJECT, `docs/${document}.md`), "utf8");
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"));
  return [...found].map(([, block = ""]) => block);
}

/** Lines that are commands, without what explains them. */
function commandsOf(document: string): string[] {
  return blocks(document, "sh")
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*/, "").trim())
    .filter((line) => line !== "");
}

async function run(command: string): Promise<{ code: number; said: string }> {
  const child = Bun.spawn(["sh", "-c", here(command)], {
    cwd: folder,
    env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_MS_MAX,
  });
  const out = await new Response(child.stdout).text();
  const err = await new Response(child.stderr).text();
  return { code: await child.exited, said: out + err };
}

/** What is configured is run, once. */
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
    test(document, async () => {
      for (const command of commandsOf(document)) {
        if (OTHERS.test(command)) continue;
        if (/^erouted (status|why|events|debug|log-level|capture)/.test(command))
          await startDaemon();
        // Followed for ever, or until something comes that does not come here.
        if (/--follow/.test(command)) continue;
        const { code, said } = await run(command);
        const mayBe = /^erouted (why|sa)/.test(command) ? [0, 4] : [0];
        expect({ command, code, said: mayBe.includes(code) ? "" : said }).toEqual({
          ...{ command, code: mayBe.includes(code) ? code : 0, said: "" },
        });
      }
    }, 60_000);
  }
});

test("each link of a document leads somewhere", () => {
  const documents = readdirSync(join(PROJECT, "docs")).filter((name) => name.endsWith(".md"));
  const files = ["README.md", ...documents.map((name) => `docs/${name}`)];
  const broken = files.flatMap((file) => {
    const text = readFileSync(join(PROJECT, file), "utf8");
    return [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
      .map(([, to = ""]) => join(dirname(file), to))
      .filter((to) => !existsSync(join(PROJECT, to)))
      .map((to) => `${file}: ${to}`);
  });
  expect(broken).toEqual([]);
});

test("each document is found from the README", () => {
  const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
  const documents = readdirSync(join(PROJECT, "docs")).filter((name) => name.endsWith(".md"));
  expect(documents.filter((name) => !readme.includes(`(docs/${name})`))).toEqual([]);
});
