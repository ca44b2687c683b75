/** Captures of one site's IKE messages: while nobody captures, they cost nothing. */

import type { Snapshot } from "../concentrator/snapshot.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import type { Path } from "../inet/endpoint.ts";
import { pcapngHead, pcapngPacket } from "../inet/pcapng.ts";
import { emitUdpPacket } from "../inet/udp-packet.ts";
import { err, ok, type Result } from "../octets/result.ts";

export type CaptureLimits = { readonly seconds: number; readonly octets: number };

export type Captures = {
  /** A pcapng file, as it comes; ends by itself. The error says why there is none. */
  open(asked: string, limits: CaptureLimits): Result<ReadableStream<Uint8Array>, string>;
  /** A datagram that came or goes. */
  see(octets: Uint8Array, path: Path, way: Way): void;
  /** Whether anybody captures. */
  readonly isOpen: boolean;
  /** Ends all. */
  stop(): void;
};

export type CaptureWorld = {
  snapshot(): Pick<Snapshot, "peerOf">;
  /** On this local port IKE has a marker before it (RFC 3948 §2.2). */
  natPort(): number;
  wallMs(): number;
  readonly version: string;
};

export type Way = "received" | "sent";

const AT_ONCE_MAX = 4;
/** Of a reader that does not read: what comes then is left out, and said in the next comment. */
const QUEUE_OCTETS_MAX = 1024 * 1024;
/** Shorter ones are no IKE messages (RFC 7296 §3.1). */
const IKE_HEADER_OCTETS = 28;
/** Datagrams of IKE SAs whose site is not known yet. */
const UNKNOWN_MAX = 256;

type Seen = { readonly spiI: bigint; readonly block: () => Uint8Array; readonly host: string };

type Capture = {
  readonly key: string;
  readonly host: string | undefined;
  offer(seen: Seen, peerId: string | undefined): void;
  end(): void;
};

/** Nobody captures. */
export function createCaptures(world: CaptureWorld): Captures {
  const captures = new Set<Capture>();
  let unknown: Seen[] = [];
  return {
    open(asked, limits) {
      if (captures.size >= AT_ONCE_MAX) return err(`${AT_ONCE_MAX} captures are under way already`);
      return ok(streamOf(asked, limits));
    },
    see(octets, path, way) {
      if (octets.length < IKE_HEADER_OCTETS) return;
      const spiI = new DataView(octets.buffer, octets.byteOffset, octets.length).getBigUint64(0);
      const peerId = world.snapshot().peerOf(octets);
      const wallMs = world.wallMs();
      const copy = octets.slice();
      const seen: Seen = {
        spiI,
        block: () => pcapngPacket(wallMs, packetOf(copy, path, way), `${way}, ${peerId ?? "?"}`),
        host: formatAddress(path.remote.address),
      };
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

  /** As it was on the wire: with the marker where there is one. */
  function packetOf(octets: Uint8Array, { local, remote }: Path, way: Way): Uint8Array {
    const hasMarker = local.port === world.natPort();
    const data = hasMarker ? new Uint8Array(4 + octets.length) : octets;
    if (hasMarker) data.set(octets, 4);
    return way === "sent" ? emitUdpPacket(local, remote, data) : emitUdpPacket(remote, local, data);
  }

  function streamOf(asked: string, limits: CaptureLimits): ReadableStream<Uint8Array> {
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
            ...{ key: peerKey(asked), host, end },
            offer(seen, peerId) {
              const isIts = peerId !== undefined && peerKey(peerId) === capture.key;
              // Told of by address at once; what comes again with the ID would be there twice.
              if (host === undefined ? !isIts : seen.host !== host) return;
              if (host !== undefined && unknown.includes(seen)) return;
              const block = seen.block();
              left -= block.length;
              if (left < 0) return end();
              if ((controller.desiredSize ?? 0) > 0) controller.enqueue(block);
            },
          };
          captures.add(capture);
          timer = setTimeout(end, limits.seconds * 1_000);
          timer.unref();
          controller.enqueue(pcapngHead(`erouted ${world.version}`));
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
