/** The IKE sockets: two on each local address, so that answers leave from where requests came. */

import { type Address, formatAddress } from "../inet/address.ts";
import { type Endpoint, formatEndpoint, type Path } from "../inet/endpoint.ts";
import { localAddresses } from "../linux/addresses.ts";
import { type IkeSocket, openIkeSocket, type SocketFault } from "../linux/udp-socket.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { createTurn } from "./turn.ts";

export type IkeSockets = {
  send(octets: Uint8Array, path: Path): void;
  /** `192.0.2.1:500`, each address and port that is listened on. */
  readonly listening: readonly string[];
  close(): void;
};

export type SocketSettings = {
  readonly listen: readonly Address[];
  readonly port: number;
  readonly natPort: number;
  /** Whether the kernel decrypts ESP: then its policies must let IKE itself pass. */
  readonly kernelPolicies: boolean;
};

/** Opens all sockets, or none and says which one failed. */
export async function openIkeSockets(
  settings: SocketSettings,
  onDatagram: (octets: Uint8Array, path: Path) => void,
): Promise<Result<IkeSockets, string>> {
  // By the very object that the paths of its datagrams hold: nothing to format for each answer.
  const sockets = new Map<Endpoint, IkeSocket>();
  const close = () => {
    for (const socket of sockets.values()) socket.close();
  };
  const turn = createTurn();
  for (const address of expandListen(settings.listen)) {
    for (const port of [settings.port, settings.natPort]) {
      const local = { address, port };
      const opened = await openIkeSocket({
        address,
        port,
        natTraversal: port === settings.natPort,
        kernelPolicies: settings.kernelPolicies,
        onDatagram: (octets, remote) => {
          onDatagram(octets, { local, remote });
          const socket = sockets.get(local);
          if (socket !== undefined) turn.spend(socket);
        },
      });
      if (!opened.ok) {
        close();
        return err(faultText(opened.error));
      }
      sockets.set(local, opened.value);
    }
  }
  if (sockets.size === 0) return err("ike.listen names no address that this host has");
  return ok({
    send: (octets, path) => {
      sockets.get(path.local)?.send(octets, path.remote);
    },
    listening: [...sockets.keys()].map(formatEndpoint),
    close,
  });
}

function faultText({ local, operation, errno, detail }: SocketFault): string {
  return `${operation} ${local}: ${errno}: ${detail}`;
}

/** `0.0.0.0` and `::` stand for every local address of their family. */
export function expandListen(listen: readonly Address[]): readonly Address[] {
  const addresses = new Map<string, Address>();
  for (const address of listen) {
    const all =
      address.value === 0n
        ? localAddresses().filter((local) => local.family === address.family)
        : [address];
    for (const one of all) addresses.set(formatAddress(one), one);
  }
  return [...addresses.values()];
}
