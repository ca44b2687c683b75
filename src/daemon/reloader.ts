/** One reload at a time: it also lasts while it reads rows, and another one has to wait. */

import { err, type Result } from "../octets/result.ts";
import {
  type LoadConfig,
  type Reloadable,
  type ReloadHow,
  type ReloadRefusal,
  type ReloadReport,
  reload,
} from "./reload.ts";

export type Reloaded = Result<ReloadReport, ReloadRefusal>;

export type Reloader = {
  /** Refused while another one is under way. */
  now(how: ReloadHow): Promise<Reloaded>;
  /**
   * Runs after the start and after the reload under way: for signals, which cannot be refused. At
   * most one waits: it reads the file when its turn comes, so it serves all signals until then.
   */
  next(): Promise<Reloaded>;
};

/** Reloads of one daemon, which is up once `up` resolves. */
export function createReloader(
  daemon: Reloadable,
  load: LoadConfig,
  up: Promise<unknown>,
): Reloader {
  let isUp = false;
  void up.then(() => {
    isUp = true;
  });
  let underWay: Promise<Reloaded> | undefined;
  let waiting: Promise<Reloaded> | undefined;
  const start = (how: ReloadHow): Promise<Reloaded> => {
    const done = reload(daemon, load, how).finally(() => {
      if (underWay === done) underWay = undefined;
    });
    underWay = done;
    return done;
  };
  const afterwards = async (former: Promise<unknown>): Promise<Reloaded> => {
    await former.catch(() => undefined);
    waiting = undefined;
    return await start({});
  };
  return {
    async now(how) {
      if (underWay === undefined && waiting === undefined) return await start(how);
      const detail = "another reload is under way: it reads rows of connected sites; try again";
      return err({ kind: "busy", faults: [detail] });
    },
    next() {
      if (underWay === undefined && isUp) return start({});
      waiting ??= afterwards(underWay ?? up);
      return waiting;
    },
  };
}
