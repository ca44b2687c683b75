/** A table that holds other rows, too: the operator's condition says which are sites. */

import { expect, test } from "bun:test";
import type { PeerRepository } from "../../src/peers/repository.ts";
import { byId, byNetwork, opened, type PeersGround, rowsOf } from "./peers-ground.ts";

export function peersWhereContract(contract: { ground(): PeersGround; table(): string }): void {
  const laid = async (where: string): Promise<{ peers: PeerRepository; own: string }> => {
    const own = `${contract.table()}_where`;
    const { sql, settings } = contract.ground();
    await sql(
      `create table ${own} (peerid varchar(64), password varchar(99), remip varchar(99), ` +
        "kind varchar(9) default 'vpn', active integer default 1, changed integer)",
    );
    await sql(
      `insert into ${own} values ('site-1', 'k', '10.1.0.0', 'vpn', 1, 1), ` +
        "('camera', 'k', '10.1.0.0', 'video', 1, 2), ('site-2', 'k', '10.2.0.0', 'vpn', 0, 3)",
    );
    const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
    return { own, peers: opened(settings(own, { columns, where })) };
  };

  test("only rows that satisfy the condition are found, changed and removed", async () => {
    const { peers, own } = await laid("kind = 'vpn' and active = 1 or kind = '(;?'");
    expect(await peers.check()).toEqual({ ok: true, value: undefined });
    for (const [id, count] of [
      ["site-1", 1],
      ["camera", 0],
      ["site-2", 0],
    ] as const) {
      expect([id, rowsOf(await peers.find(byId(id))).length]).toEqual([id, count]);
    }
    expect(rowsOf(await peers.find(byNetwork("10.1.0.0"))).map((row) => row.peerid)).toEqual([
      "site-1",
    ]);
    const ids = rowsOf(await peers.list(undefined, 9)).map(({ peerid }) => peerid);
    expect(ids).toEqual(["site-1"]);
    expect(rowsOf(await peers.list("camera", 9)).map(({ peerid }) => peerid)).toEqual(["site-1"]);
    expect(rowsOf(await peers.sameSubnet(["10.1.0.0"])).length).toBe(1);
    const change = { kind: "update", peer: { peerid: "camera", remip: "10.9.0.0" } } as const;
    await peers.write([change]);
    expect(await peers.remove("camera")).toEqual({ ok: true, value: false });
    const start = await peers.changedSince?.(undefined);
    await contract.ground().sql(`update ${own} set changed = 7`);
    const changed = await peers.changedSince?.(start?.ok ? start.value.watermark : undefined);
    expect(changed).toMatchObject({ ok: true, value: { peerids: ["site-1"] } });
    await peers.close();
    const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
    const all = opened(contract.ground().settings(own, { columns }));
    expect(rowsOf(await all.find(byId("camera")))[0]?.remip).toBe("10.1.0.0");
    await all.close();
  });

  test("a row that satisfies it through the defaults of the other columns is written", async () => {
    const { peers } = await laid("kind = 'vpn' and active = 1");
    expect(await peers.add({ peerid: "site-3", password: "k" })).toMatchObject({ ok: true });
    await peers.close();
  });

  test("a row that does not satisfy the condition is rolled back, and reported", async () => {
    const { peers } = await laid("kind = 'video'");
    const added = await peers.add({ peerid: "site-3", password: "k" });
    expect(JSON.stringify(added)).toContain("`where` of egroup sites excludes it");
    expect(rowsOf(await peers.list(undefined, 9)).length).toBe(1);
    await peers.close();
  });

  test("R6: a condition that the database does not understand is a fault", async () => {
    for (const where of ["colour = 'red'", "kind = = 'vpn'"]) {
      const peers = opened(contract.ground().settings(contract.table(), { where }));
      expect([where, (await peers.check()).ok]).toEqual([where, false]);
      expect([where, (await peers.find(byId("site-1"))).ok]).toEqual([where, false]);
      await peers.close();
    }
  });
}

const UNMAPPED = {
  ...{ remmsk: null, peerip: null, bakpeerip: null, ourid: null },
  changed: "changed",
} as const;
