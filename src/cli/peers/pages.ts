/** All rows of a table, page by page: no command reads it as a whole. */

import type { LookupFault, PeerRow } from "../../eroute/row.ts";
import type { Result } from "../../octets/result.ts";
import type { PeerRepository } from "../../peers/repository.ts";

const PAGE_ROWS = 500;

/** Pages in order of peer ID, at least one; a page that cannot be read is the last. */
export async function* pagesOf(
  peers: Pick<PeerRepository, "list">,
): AsyncGenerator<Result<readonly PeerRow[], LookupFault>> {
  for (let after: string | undefined; ; ) {
    const page = await peers.list(after, PAGE_ROWS);
    yield page;
    if (!page.ok) return;
    const last = page.value.at(-1)?.peerid;
    if (last === undefined || last === after || page.value.length < PAGE_ROWS) return;
    after = last;
  }
}
