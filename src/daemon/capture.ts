/** Captures of one site's IKE messages: while none is under way, they cost nothing. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { Snapshot } from "../concentrator/snapshot.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import type { Path } from "../inet/endpoint.ts";
import { pcapngHead, pcapngPacket } from "../inet/pcapng.ts";
import { emitUdpPacket } from "../inet/udp-packet.ts";
import { err, ok, type Result } from "../octets/result.ts";

export type CaptureLimits = { readonly seconds: number; readonly octets: number };

export type Captures = {
  /**
   * Captures a site's messages as they arrive; ends by itself. `packets`: a pcapng file. `keys`:
   * text, a line of Wireshark's `ikev2_decryption_table` for each IKE SA, before its first
   * encrypted message is handled. The error says why there is nothing.
   */
  open(
    asked: string,
    what: CaptureContent,
    limits: CaptureLimits,
  ): Result<ReadableStream<Uint8Array>, string>;
  /** A datagram that was received or sent. */
  see(octets: Uint8Array, path: Path, way: Way): void;
  /** Whether a capture is under way. */
  readonly isOpen: boolean;
  /** Ends all captures. */
  stop(): void;
};

export type CaptureContent = "packets" | "keys";

export type CaptureWorld = {
  decryptionTableLine: Concentrator["decryptionTableLine"];
  snapshot(): Pick<Snapshot, "peerOf">;
  /** On this local port, IKE has a marker before it (RFC 3948 §2.2). */
  natPort(): number;
  wallMs(): number;
  readonly version: string;
};

export type Way = "received" | "sent";

/** For each content. */
const AT_ONCE_MAX = 4;
/** If the reader does not read: further messages are left out, and the next comment says so. */
const QUEUE_OCTETS_MAX = 1024 * 1024;
/** Shorter ones are not IKE messages (RFC 7296 §3.1). */
const IKE_HEADER_OCTETS = 28;
/** Datagrams of IKE SAs whose site is not known yet. */
const UNKNOWN_MAX = 256;

type Seen = {
  readonly spiI: bigint;
  readonly host: string;
  readonly block: () => Uint8Array;
  /** Kept while their IKE SA exists; undefined if no capture needs them. */
  readonly keys: string | undefined;
};

type Capture = {
  readonly what: CaptureContent;
  readonly key: string;
  readonly host: string | undefined;
  offer(seen: Seen, peerId: string | undefined): void;
  end(): void;
};

/** No capture is under way. */
export function createCaptures(world: CaptureWorld): Captures {
  const captures = new Set<Capture>();
  let unknown: Seen[] = [];
  return {
    open(asked, what, limits) {
      if (howMany(captures, what) >= AT_ONCE_MAX)
        return err(`${AT_ONCE_MAX} captures are under way already`);
      return ok(streamOf(asked, what, limits));
    },
    see(octets, path, way) {
      if (octets.length < IKE_HEADER_OCTETS) return;
      const spiI = new DataView(octets.buffer, octets.byteOffset, octets.length).getBigUint64(0);
      const peerId = world.snapshot().peerOf(octets);
      const copy = octets.slice();
      const keys = howMany(captures, "keys") === 0 ? undefined : world.decryptionTableLine(copy);
      const block = blockLater(world, copy, { path, way, peerId });
      const seen: Seen = { spiI, keys, block, host: formatAddress(path.remote.address) };
      if (peerId !== undefined) {
        for (const former of unknown.filter((other) => other.spiI === spiI)) {
          for (const capture of captures) capture.offer(former, peerId);
        }
        unknown = unknown.filter((other) => other.spiI !== spiI);
      }
      for (const capture of captures) capture.offer(seen, peerId);
      if (peerId !== undefined) return;
      unknown.push(seen);
      if (unknown.length > UNKNOWN_MAX) unknown.shift();
    },
    get isOpen() {
      return captures.size > 0;
    },
    stop() {
      for (const capture of captures) capture.end();
    },
  };

  function streamOf(
    asked: string,
    what: CaptureContent,
    limits: CaptureLimits,
  ): ReadableStream<Uint8Array> {
    const blockOf = what === "packets" ? ({ block }: Seen) => block() : keysOnce();
    const address = parseAddress(asked);
    const host = address === undefined ? undefined : formatAddress(address);
    let left = limits.octets;
    let timer: ReturnType<typeof setTimeout>;
    let capture: Capture;
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          const end = () => {
            if (!captures.delete(capture)) return;
            clearTimeout(timer);
            if (captures.size === 0) unknown = [];
            controller.close();
          };
          capture = {
            what,
            key: peerKey(asked),
            host,
            end,
            offer(seen, peerId) {
              const isIts = peerId !== undefined && peerKey(peerId) === capture.key;
              // Those captured by address were written at once; with the ID they would be written
              // twice.
              if (host === undefined ? !isIts : seen.host !== host) return;
              if (host !== undefined && unknown.includes(seen)) return;
              const block = blockOf(seen);
              if (block === undefined) return;
              left -= block.length;
              if (left < 0) return end();
              if ((controller.desiredSize ?? 0) > 0) controller.enqueue(block);
            },
          };
          captures.add(capture);
          timer = setTimeout(end, limits.seconds * 1_000);
          timer.unref();
          // At once: a response without any content is not sent.
          controller.enqueue(headOf(what, `erouted ${world.version}`));
        },
        cancel() {
          clearTimeout(timer);
          captures.delete(capture);
          if (captures.size === 0) unknown = [];
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: QUEUE_OCTETS_MAX }),
    );
  }
}

function howMany(captures: ReadonlySet<Capture>, what: CaptureContent): number {
  return [...captures].filter((capture) => capture.what === what).length;
}

function headOf(what: CaptureContent, application: string): Uint8Array {
  return what === "packets" ? pcapngHead(application) : utf8(`# ${application}: secret\n`);
}

/** The keys of each IKE SA, once. */
function keysOnce(): (seen: Seen) => Uint8Array | undefined {
  const told = new Set<string>();
  return ({ keys }) => {
    if (keys === undefined || told.has(keys)) return undefined;
    told.add(keys);
    return utf8(`${keys}\n`);
  };
}

/** Makes the block of a datagram that has just been seen, once a capture needs it. */
function blockLater(
  world: CaptureWorld,
  octets: Uint8Array,
  {
    path,
    way,
    peerId,
  }: { readonly path: Path; readonly way: Way; readonly peerId?: string | undefined },
): Seen["block"] {
  const wallMs = world.wallMs();
  return () => {
    const packet = packetOf(octets, path, way, world.natPort());
    return pcapngPacket(wallMs, packet, `${way}, ${peerId ?? "?"}`);
  };
}

/** As it was on the wire: with the marker if there is one. */
function packetOf(
  octets: Uint8Array,
  { local, remote }: Path,
  way: Way,
  natPort: number,
): Uint8Array {
  const hasMarker = local.port === natPort;
  const data = hasMarker ? new Uint8Array(4 + octets.length) : octets;
  if (hasMarker) data.set(octets, 4);
  return way === "sent" ? emitUdpPacket(local, remote, data) : emitUdpPacket(remote, local, data);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
