/**
 * The IKE sockets: two on each local address, so that answers leave from where requests arrived.
 * They are opened and closed as the host's addresses change.
 */

import { type Address, equalAddress, formatAddress } from "../inet/address.ts";
import { type Endpoint, formatEndpoint, type Path } from "../inet/endpoint.ts";
import { type AddressWatch, localAddresses, watchAddresses } from "../linux/addresses.ts";
import type { SocketFault } from "../linux/bound-socket.ts";
import { type IkeSocket, openIkeSocket } from "../linux/udp-socket.ts";
import { err, ok, type Result } from "../octets/result.ts";
import type { KeptSockets } from "./kept-sockets.ts";
import type { Note } from "./reload.ts";
import type { KeptSocket } from "./socket-store.ts";
import { createTurn, type Turn } from "./turn.ts";

export type IkeSockets = {
  /**
   * Without a marker if it is a single octet 0xff: a NAT keepalive. Lost if there is no socket at
   * present.
   */
  send(octets: Uint8Array, path: Path): void;
  /** Sends what would leave at the end of this turn of the event loop. */
  flush(): void;
  /** `192.0.2.1:500`: each address and port that is listened on now. */
  readonly listening: readonly string[];
  /** The addresses that are listened on now, each once. */
  readonly addresses: readonly Address[];
  /** From now on these are listened on; sockets of other addresses are closed. */
  listenOn(listen: readonly Address[]): void;
  close(): void;
};

export type SocketSettings = {
  readonly listen: readonly Address[];
  readonly port: number;
  readonly natPort: number;
  /** Whether the kernel decrypts ESP: then its policies must let IKE itself pass. */
  readonly kernelPolicies: boolean;
  /** Those of an earlier process are used again; ours outlive this process. */
  readonly kept: KeptSockets;
};

export type SocketHandlers = {
  onDatagram(octets: Uint8Array, path: Path): void;
  /** So many datagrams were lost, because more arrive than are read. */
  onLost(datagrams: number): void;
  /** All addresses that are listened on from now on; not called at the start. */
  onAddresses(local: readonly Address[]): void;
  note(entry: Note): void;
};

/**
 * Opens the sockets of all addresses that exist, and waits for the others. At the start, a socket
 * that fails for another reason than its address fails them all, and is named.
 */
export async function openIkeSockets(
  settings: SocketSettings,
  handlers: SocketHandlers,
): Promise<Result<IkeSockets, string>> {
  const sockets = new LocalSockets(settings, handlers);
  const fault = await sockets.start();
  if (fault === undefined) return ok(sockets);
  sockets.close();
  return err(faultText(fault));
}

/** `0.0.0.0` and `::` stand for every local address of their family. */
export function expandListen(
  listen: readonly Address[],
  present: readonly Address[] = localAddresses(),
): readonly Address[] {
  const addresses = new Map<string, Address>();
  for (const address of listen) {
    const all =
      address.value === 0n ? present.filter((local) => local.family === address.family) : [address];
    for (const one of all) addresses.set(formatAddress(one), one);
  }
  return [...addresses.values()];
}

/** The sockets of one address. */
type Listener = { readonly address: Address; readonly sockets: ReadonlyMap<Endpoint, IkeSocket> };

/** A socket that cannot be opened for another reason than its address is tried again. */
const RETRY_MS = 10_000;
/** A kept socket of an address that was gone is closed elsewhere, within this time mostly. */
const LEAVING_POLL_MS = 20;

class LocalSockets implements IkeSockets {
  #settings: SocketSettings;
  readonly #handlers: SocketHandlers;
  readonly #turn: Turn;
  /** By the text of their address. */
  readonly #listeners = new Map<string, Listener>();
  /** By the object that the paths of its datagrams hold, so that an answer formats nothing. */
  readonly #byEndpoint = new Map<Endpoint, IkeSocket>();
  /** By text, for paths that do not come from a datagram. */
  readonly #byText = new Map<string, IkeSocket>();
  /** Those that may have messages to send at the end of the turn. */
  readonly #waiting = new Set<IkeSocket>();
  /** The last message about an address that is not listened on. */
  readonly #noted = new Map<string, string>();
  #present: ReadonlySet<string> = new Set();
  #watch: AddressWatch | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #lastUpdate: Promise<unknown> = Promise.resolve();
  #isStarted = false;
  #isClosed = false;

  constructor(settings: SocketSettings, handlers: SocketHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.#turn = createTurn((datagrams) => handlers.onLost(datagrams));
  }

  /** The first attempt; returns a fault that waiting does not cure. */
  async start(): Promise<SocketFault | undefined> {
    const watch = watchAddresses((present) => this.#updateLater(present));
    if (watch.ok) this.#watch = watch.value;
    else {
      const { operation, errno, detail } = watch.error;
      const why = `changes of addresses cannot be observed: ${operation}: ${errno}: ${detail}`;
      this.#handlers.note({ level: "warning", reason: "addresses-not-watched", detail: why });
    }
    const first = this.#update(watch.ok ? watch.value.current() : localAddresses());
    this.#lastUpdate = first;
    const fault = await first;
    this.#isStarted = true;
    return fault;
  }

  send(octets: Uint8Array, { local, remote }: Path): void {
    const socket = this.#byEndpoint.get(local) ?? this.#byText.get(formatEndpoint(local));
    if (socket?.send(octets, remote) === true) this.#waiting.add(socket);
  }

  flush(): void {
    for (const socket of this.#waiting) socket.flush();
    this.#waiting.clear();
  }

  get listening(): readonly string[] {
    return [...this.#byText.keys()];
  }

  get addresses(): readonly Address[] {
    return [...this.#listeners.values()].map(({ address }) => address);
  }

  listenOn(listen: readonly Address[]): void {
    if (equalLists(listen, this.#settings.listen)) return;
    this.#settings = { ...this.#settings, listen };
    this.#noted.clear();
    this.#updateLater(this.#watch?.current() ?? localAddresses());
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    clearTimeout(this.#retry);
    for (const text of [...this.#listeners.keys()]) this.#closeOn(text);
  }

  /** One change after the other: opening takes several turns of the event loop. */
  #updateLater(present: readonly Address[]): void {
    const update = async (): Promise<void> => {
      const before = this.listening.join();
      const fault = await this.#update(present);
      if (fault !== undefined) this.#retryLater();
      if (!this.#isClosed && this.listening.join() !== before) {
        this.#handlers.onAddresses(this.addresses);
      }
    };
    this.#lastUpdate = this.#lastUpdate.then(update).catch((fault) => {
      this.#handlers.note({ level: "error", reason: "internal-error", detail: String(fault) });
    });
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    const retry = (): void => this.#updateLater(this.#watch?.current() ?? localAddresses());
    this.#retry = setTimeout(retry, RETRY_MS);
  }

  /** Adapts the sockets to the addresses, and has them kept. */
  async #update(present: readonly Address[]): Promise<SocketFault | undefined> {
    const fault = await this.#adapt(present);
    const isGivenUp = this.#isClosed || (fault !== undefined && !this.#isStarted);
    if (!isGivenUp) this.#settings.kept.keep(this.#sockets());
    return fault;
  }

  #sockets(): readonly KeptSocket[] {
    return [...this.#byEndpoint].map(([local, { descriptor }]) => ({ local, descriptor }));
  }

  /**
   * Closes what is gone and opens what is new; returns the first fault other than a missing
   * address.
   */
  async #adapt(present: readonly Address[]): Promise<SocketFault | undefined> {
    const now = new Set(present.map(formatAddress));
    for (const text of this.#present) {
      if (!now.has(text) && this.#closeOn(text)) this.#noteGone(text);
    }
    this.#present = now;
    const wanted = expandListen(this.#settings.listen, present);
    const texts = new Set(wanted.map(formatAddress));
    for (const text of [...this.#listeners.keys()]) {
      if (!texts.has(text) && this.#closeOn(text)) this.#noteUnwanted(text);
    }
    let first: SocketFault | undefined;
    for (const address of wanted) {
      if (this.#isClosed || this.#listeners.has(formatAddress(address))) continue;
      const opened = await this.#openOn(address);
      if (opened.ok) {
        if (this.#isStarted) this.#noteListening(address);
        continue;
      }
      if (opened.error.errno !== "EADDRNOTAVAIL") first ??= opened.error;
      // At the start this fault is the reason to give up.
      if (first !== undefined && !this.#isStarted) return first;
      this.#noteFault(address, opened.error);
    }
    return first;
  }

  /** Both sockets of an address, or neither. */
  async #openOn(address: Address): Promise<Result<undefined, SocketFault>> {
    const sockets = new Map<Endpoint, IkeSocket>();
    for (const port of [this.#settings.port, this.#settings.natPort]) {
      const local = { address, port };
      const opened = await this.#openAt(local);
      if (!opened.ok || this.#isClosed) {
        for (const socket of sockets.values()) socket.close();
        if (!opened.ok) return opened;
        opened.value.close();
        return ok(undefined);
      }
      sockets.set(local, opened.value);
    }
    this.#listeners.set(formatAddress(address), { address, sockets });
    for (const [local, socket] of sockets) {
      this.#byEndpoint.set(local, socket);
      this.#byText.set(formatEndpoint(local), socket);
    }
    return ok(undefined);
  }

  async #openAt(local: Endpoint): Promise<Result<IkeSocket, SocketFault>> {
    const { natPort, kernelPolicies, kept } = this.#settings;
    for (;;) {
      const opened = await openIkeSocket({
        ...local,
        natTraversal: local.port === natPort,
        kernelPolicies,
        kept: kept.take(local),
        onDatagram: (octets, remote) => {
          this.#handlers.onDatagram(octets, { local, remote });
          const socket = this.#byEndpoint.get(local);
          if (socket !== undefined) this.#turn.spend(socket);
        },
      });
      if (opened.ok || opened.error.errno !== "EADDRINUSE" || !kept.isLeaving(local)) return opened;
      await Bun.sleep(LEAVING_POLL_MS);
    }
  }

  /** Whether there was anything to close. */
  #closeOn(text: string): boolean {
    const listener = this.#listeners.get(text);
    if (listener === undefined) return false;
    this.#listeners.delete(text);
    for (const [local, socket] of listener.sockets) {
      this.#byEndpoint.delete(local);
      this.#byText.delete(formatEndpoint(local));
      socket.close();
    }
    return true;
  }

  #noteListening(address: Address): void {
    const { port, natPort } = this.#settings;
    const text = formatAddress(address);
    this.#noted.delete(text);
    const detail = `${text} is listened on now: IKE on its ports ${port} and ${natPort}`;
    this.#handlers.note({ level: "info", outcome: "ok", reason: "address-added", detail });
  }

  #noteGone(text: string): void {
    this.#noted.set(text, "EADDRNOTAVAIL");
    const detail = `${text} is gone: no IKE on it until it comes back`;
    this.#handlers.note({ level: "warning", reason: "address-removed", detail });
  }

  #noteUnwanted(text: string): void {
    const detail = `${text} is no longer in ike.listen: no IKE on it`;
    this.#handlers.note({ level: "info", outcome: "ok", reason: "address-removed", detail });
  }

  /** Once for each reason, however often it is tried. */
  #noteFault(address: Address, fault: SocketFault): void {
    const text = formatAddress(address);
    if (this.#noted.get(text) === fault.errno) return;
    this.#noted.set(text, fault.errno);
    if (fault.errno === "EADDRNOTAVAIL") {
      const detail = `ike.listen names ${text}, which this host does not have: waiting for it`;
      this.#handlers.note({ level: "warning", reason: "address-awaited", detail });
    } else {
      const detail = `${faultText(fault)}; trying again every ${RETRY_MS / 1000} s`;
      this.#handlers.note({ level: "error", outcome: "failed", reason: "listen", detail });
    }
  }
}

function equalLists(a: readonly Address[], b: readonly Address[]): boolean {
  return a.map(formatAddress).join() === b.map(formatAddress).join();
}

function faultText({ local, operation, errno, detail }: SocketFault): string {
  return `${operation} ${local}: ${errno}: ${detail}`;
}

/** Whether a local address is among those of `ike.listen`, which may name all of a family. */
export function isListened(listen: readonly Address[], local: Address): boolean {
  return listen.some((address) => {
    const isAny = address.value === 0n && address.family === local.family;
    return isAny || equalAddress(address, local);
  });
}
