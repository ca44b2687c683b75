/** A DNS server on loopback whose answers a test chooses (RFC 1035 §4). */

import { addressOctets, parseAddress } from "../../../src/inet/address.ts";

export type DnsZone = { readonly [name: string]: DnsName };

export type DnsName = {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly ttl?: number;
  /** 2 is SERVFAIL. */
  readonly rcode?: number;
  /** Never answers: at all, or to questions of one type. */
  readonly silent?: boolean | "A" | "AAAA";
};

export type DnsServer = {
  /** `127.0.0.1:40123`. */
  readonly address: string;
  /** `A a.example`, in the order of the questions. */
  readonly asked: string[];
  /** The largest number of questions that waited at the same time. */
  readonly askedAtOnceMax: number;
  stop(): void;
};

const NXDOMAIN = 3;
const TYPES = new Map([
  [1, "A"],
  [28, "AAAA"],
] as const);
/** Every answer takes this long, so that waiting questions can be counted. */
const ANSWER_MS = 5;

export async function startDnsServer(zone: DnsZone): Promise<DnsServer> {
  const asked: string[] = [];
  let waiting = 0;
  let waitingMax = 0;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(self, octets, port, host) {
        const { name, type, end } = questionIn(octets);
        asked.push(`${type} ${name}`);
        const found = zone[name];
        if (found?.silent === true || found?.silent === type) return;
        waiting++;
        waitingMax = Math.max(waitingMax, waiting);
        const answer = answerTo(octets.subarray(0, end), found, type);
        setTimeout(() => {
          waiting--;
          if (!self.closed) self.send(answer, port, host);
        }, ANSWER_MS);
      },
    },
  });
  return {
    address: `127.0.0.1:${socket.port}`,
    asked,
    get askedAtOnceMax() {
      return waitingMax;
    },
    stop: () => socket.close(),
  };
}

type QuestionType = "A" | "AAAA" | "other";

function questionIn(octets: Buffer): { name: string; type: QuestionType; end: number } {
  const labels: string[] = [];
  let at = 12; // header
  for (let length = octets[at] ?? 0; length > 0; length = octets[at] ?? 0) {
    labels.push(octets.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = TYPES.get(octets.readUInt16BE(at + 1) as 1 | 28) ?? "other";
  return { name: labels.join(".").toLowerCase(), type, end: at + 5 };
}

/** Header, the question again, and a record for each address. */
function answerTo(question: Buffer, found: DnsName | undefined, type: QuestionType): Buffer {
  const addresses = type === "other" ? [] : (found?.[type] ?? []);
  const head = Buffer.from(question);
  head[2] = 0x81; // response, recursion desired
  head[3] = 0x80 | (found === undefined ? NXDOMAIN : (found.rcode ?? 0));
  head.writeUInt16BE(addresses.length, 6); // ANCOUNT
  head.writeUInt32BE(0, 8); // NSCOUNT, ARCOUNT
  const records = addresses.map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(`not an address: ${text}`);
    const data = addressOctets(address);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0); // the name of the question
    record.writeUInt16BE(address.family === 4 ? 1 : 28, 2); // TYPE
    record.writeUInt16BE(1, 4); // CLASS: IN
    record.writeUInt32BE(found?.ttl ?? 0, 6); // TTL
    record.writeUInt16BE(data.length, 10); // RDLENGTH
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}
