/** From which prefix lengths on Linux finds policies by hash. For a namespace of its own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashPoliciesOf, unhashPolicies } from "../../src/daemon/policy-hash.ts";
import { hashPolicies } from "../../src/linux/policy-hash.ts";
import type { Kernel } from "../../src/linux/xfrm-kernel.ts";
import { realKernel } from "./linux-kernel.ts";
import { policyLike } from "./xfrm-samples.ts";

const OURS = { local: 0, remote: 24 };
const OTHERS = { local: 16, remote: 28 };
const UNSET = { local: 32, remote: 32 };

/** The start of a daemon, as far as it is about the hash. */
const WITHOUT_RIGHTS = `
import { hashPoliciesOf } from "${import.meta.dir}/../../src/daemon/policy-hash.ts";
const config = { policyHash: { 4: 24, 6: undefined } };
hashPoliciesOf({ config, folder: undefined, note: (entry) => console.log(JSON.stringify(entry)) });
`;

export function linuxPolicyHashContract(): void {
  describe("Linux finds policies by hash", () => {
    let kernel: Kernel;
    beforeAll(() => {
      kernel = realKernel();
    });
    afterAll(() => kernel.close());

    test("from the lengths that were asked for, and as before when they are taken back", () => {
      expect(hashPolicies(4, OURS)).toEqual({ ok: true, value: { kind: "in-force" } });
      expect(lengths()).toEqual(["IPv4 local 0 remote 24", "IPv6 local 128 remote 128"]);
      expect(hashPolicies(6, { local: 0, remote: 64 }).ok).toBe(true);
      expect(lengths()).toEqual(["IPv4 local 0 remote 24", "IPv6 local 0 remote 64"]);
      hashPolicies(4, UNSET, [OURS]);
      hashPolicies(6, { local: 128, remote: 128 }, [{ local: 0, remote: 64 }]);
      expect(lengths()).toEqual(["IPv4 local 32 remote 32", "IPv6 local 128 remote 128"]);
    });

    test("asked for again, they stay", () => {
      for (let times = 0; times < 2; times++) {
        expect(hashPolicies(4, OURS)).toEqual({ ok: true, value: { kind: "in-force" } });
      }
      hashPolicies(4, UNSET, [OURS]);
    });

    test("what another program has set stays, at the start and at the end", () => {
      run("ip", "xfrm", "policy", "set", "hthresh4", "16", "28");
      const others = { ok: true, value: { kind: "others", found: OTHERS } } as const;
      expect(hashPolicies(4, OURS)).toEqual(others);
      expect(hashPolicies(4, UNSET, [OURS])).toEqual(others);
      expect(lengths()).toContain("IPv4 local 16 remote 28");
      run("ip", "xfrm", "policy", "set", "hthresh4", "32", "32");
    });

    test("a length that no address has is refused in words", () => {
      const refused = hashPolicies(4, { local: 0, remote: 33 });
      expect(refused.ok ? "" : refused.error).toContain("local /0, remote /33: EINVAL");
      expect(lengths()).toContain("IPv4 local 32 remote 32");
    });

    test("without the right to set them erouted warns, and goes on", () => {
      const without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
      const said = run(...without, process.execPath, "-e", WITHOUT_RIGHTS);
      expect(JSON.parse(said)).toEqual({
        level: "warning",
        reason: "policy-hash",
        detail: "IPv4: local /0, remote /24: XFRM_MSG_GETSPDINFO: EPERM",
      });
      expect(lengths()).toContain("IPv4 local 32 remote 32");
    });

    describe("and a start replaces what an earlier run has set and left", () => {
      const path = mkdtempSync(join(tmpdir(), "erouted-hash-"));
      const said: string[] = [];
      const daemonWith = (v4: number | undefined, v6: number | undefined) => ({
        config: { policyHash: { 4: v4, 6: v6 } },
        folder: { path },
        note: ({ detail }: { readonly detail: string }) => void said.push(detail),
      });
      afterAll(() => rmSync(path, { recursive: true }));

      test("with another length now, or with none", () => {
        hashPoliciesOf(daemonWith(24, 64));
        hashPoliciesOf(daemonWith(28, 64));
        expect(lengths()).toEqual(["IPv4 local 0 remote 28", "IPv6 local 0 remote 64"]);
        hashPoliciesOf(daemonWith(20, undefined));
        expect(lengths()).toEqual(["IPv4 local 0 remote 20", "IPv6 local 128 remote 128"]);
        unhashPolicies(daemonWith(20, undefined));
        expect(lengths()).toEqual(["IPv4 local 32 remote 32", "IPv6 local 128 remote 128"]);
        expect([said, readdirSync(path)]).toEqual([[], []]);
      });

      test("the length that was configured before, if a start with another one has failed", () => {
        hashPoliciesOf(daemonWith(24, undefined));
        hashPoliciesOf(daemonWith(28, undefined));
        hashPoliciesOf(daemonWith(24, undefined));
        expect(lengths()).toContain("IPv4 local 0 remote 24");
        unhashPolicies(daemonWith(24, undefined));
        expect(said).toEqual([]);
      });

      test("not what another program has set in between", () => {
        hashPoliciesOf(daemonWith(24, undefined));
        run("ip", "xfrm", "policy", "set", "hthresh4", "16", "28");
        hashPoliciesOf(daemonWith(20, undefined));
        unhashPolicies(daemonWith(20, undefined));
        expect(lengths()).toContain("IPv4 local 16 remote 28");
        expect(said.splice(0)).toEqual([
          "IPv4: local /0, remote /20 is not set: another program has set local /16, remote /28",
        ]);
        run("ip", "xfrm", "policy", "set", "hthresh4", "32", "32");
      });

      test("the one before, if the kernel has refused another one in between", () => {
        hashPoliciesOf(daemonWith(24, undefined));
        hashPoliciesOf(daemonWith(33, undefined));
        expect(said.splice(0).join()).toContain("EINVAL");
        hashPoliciesOf(daemonWith(28, undefined));
        expect(lengths()).toContain("IPv4 local 0 remote 28");
        unhashPolicies(daemonWith(28, undefined));
        expect([said, readdirSync(path)]).toEqual([[], []]);
      });
    });

    test("policies from before are found afterwards, and the other way round", () => {
      const first = policyLike({ src: "10.0.0.0/16", dst: "10.1.2.0/24" });
      const second = policyLike({ src: "10.0.0.0/16", dst: "10.1.3.0/24" });
      expect(kernel.perform({ op: "put-policy", policy: first }).ok).toBe(true);
      hashPolicies(4, OURS);
      expect(kernel.perform({ op: "query-policy", id: first.id }).ok).toBe(true);
      expect(kernel.perform({ op: "put-policy", policy: second }).ok).toBe(true);
      hashPolicies(4, UNSET, [OURS]);
      for (const { id } of [first, second]) {
        expect(kernel.perform({ op: "delete-policy", id }).ok).toBe(true);
        expect(kernel.perform({ op: "query-policy", id }).ok).toBe(false);
      }
    });
  });
}

/** As iproute2 shows them. */
function lengths(): readonly string[] {
  const text = run("ip", "-s", "-s", "xfrm", "policy", "count");
  return [...text.matchAll(/SPD (IPv[46]) thresholds: (.*)/g)].map(([, ip, at]) => `${ip} ${at}`);
}

function run(...command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.toString();
}
