/**
 * strongSwan's control socket, spoken without a process: in a guest one `swanctl` takes seconds of
 * processor time. Format: strongSwan's `src/libcharon/plugins/vici/README.md`.
 */

import { patient } from "../../patience.ts";

/** A message: keys with a text, a list of texts, or a section of their own. */
export type Section = { [key: string]: string | readonly string[] | Section };

export type Vici = {
  /** Sends a command; throws where the daemon does not know it or gives no answer. */
  request(command: string, message?: Section): Promise<Section>;
  /** The same for a command that answers in events of this name. */
  stream(command: string, event: string): Promise<readonly Section[]>;
};

/** Beyond the time that a command itself may take. */
const ANSWER_MS_MAX = patient(30_000);

const PACKET = {
  command: 0,
  response: 1,
  commandUnknown: 2,
  register: 3,
  confirmed: 5,
  eventUnknown: 6,
  event: 7,
} as const;

const ELEMENT = { section: 1, sectionEnd: 2, value: 3, list: 4, item: 5, listEnd: 6 } as const;

/** Each request opens a connection of its own to this Unix socket. */
export function viciAt(path: string): Vici {
  return {
    request: async (command, message = {}) => {
      const { answer } = await converse(path, command, { message });
      return answer;
    },
    stream: async (command, event) => (await converse(path, command, { event })).events,
  };
}

type Asked = { readonly message?: Section; readonly event?: string };

async function converse(path: string, command: string, { message = {}, event }: Asked) {
  const events: Section[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Section>();
  // A command that waits by itself says so in ms.
  const ownMs = typeof message.timeout === "string" ? Number(message.timeout) : 0;
  const fail = (why: string) => reject(new Error(`vici ${command}: ${why}`));
  const timer = setTimeout(() => fail("no answer"), ANSWER_MS_MAX + ownMs);
  const ask = packet(PACKET.command, command, emitSection(message));
  const onPacket = (octets: Buffer, write: (octets: Buffer) => void) => {
    const kind = octets[0];
    if (kind === PACKET.confirmed) write(ask);
    else if (kind === PACKET.event)
      events.push(parseSection(octets.subarray(2 + (octets[1] ?? 0))));
    else if (kind === PACKET.response) resolve(parseSection(octets.subarray(1)));
    else fail(`the daemon does not know it (${kind})`);
  };
  let rest = Buffer.alloc(0);
  const connecting = Bun.connect({
    unix: path,
    socket: {
      open: (socket) => {
        socket.write(event === undefined ? ask : packet(PACKET.register, event, Buffer.alloc(0)));
      },
      data: (socket, octets) => {
        rest = Buffer.concat([rest, octets]);
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
          const end = 4 + rest.readUInt32BE(0);
          onPacket(rest.subarray(4, end), (answer) => void socket.write(answer));
          rest = rest.subarray(end);
        }
      },
      close: () => fail("the daemon hung up"),
      error: (_, error) => reject(error),
    },
  });
  connecting.catch(reject);
  try {
    return { answer: await promise, events };
  } finally {
    clearTimeout(timer);
    void connecting.then((socket) => socket.end()).catch(() => {});
  }
}

function packet(kind: number, name: string, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(2 + name.length + body.length);
  return Buffer.concat([head, Buffer.from([kind, name.length]), Buffer.from(name), body]);
}

function emitSection(section: Section): Buffer {
  const parts = Object.entries(section).map(([key, value]) => {
    if (typeof value === "string") return Buffer.concat([named(ELEMENT.value, key), text(value)]);
    if (Array.isArray(value)) {
      const items = value.map((item) => Buffer.concat([Buffer.from([ELEMENT.item]), text(item)]));
      return Buffer.concat([named(ELEMENT.list, key), ...items, Buffer.from([ELEMENT.listEnd])]);
    }
    const inner = emitSection(value as Section);
    return Buffer.concat([named(ELEMENT.section, key), inner, Buffer.from([ELEMENT.sectionEnd])]);
  });
  return Buffer.concat(parts);
}

function named(kind: number, name: string): Buffer {
  return Buffer.concat([Buffer.from([kind, name.length]), Buffer.from(name)]);
}

/** Text of one octet a character, so that binary keys pass. */
function text(value: string): Buffer {
  const octets = Buffer.from(value, "latin1");
  const head = Buffer.alloc(2);
  head.writeUInt16BE(octets.length);
  return Buffer.concat([head, octets]);
}

function parseSection(octets: Buffer): Section {
  let at = 0;
  const name = () => {
    const length = octets[at++] ?? 0;
    at += length;
    return octets.toString("utf8", at - length, at);
  };
  const value = () => {
    const length = octets.readUInt16BE(at);
    at += 2 + length;
    return octets.toString("utf8", at - length, at);
  };
  const list = () => {
    const items: string[] = [];
    while (octets[at++] === ELEMENT.item) items.push(value());
    return items;
  };
  const section = (): Section => {
    const found: Section = {};
    while (at < octets.length) {
      const kind = octets[at++];
      if (kind === ELEMENT.sectionEnd) break;
      const key = name();
      if (kind === ELEMENT.value) found[key] = value();
      else found[key] = kind === ELEMENT.list ? list() : section();
    }
    return found;
  };
  return section();
}
