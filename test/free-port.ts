/** Ports that the kernel says are free: tests beside each other do not meet on one. */

/** A TCP port of 127.0.0.1 on which nothing listens. */
export function freeTcpPort(): number {
  const server = Bun.listen({ hostname: HERE, port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

/** The first of two UDP ports of 127.0.0.1 in a row: for IKE, and for IKE behind a NAT. */
export async function freeUdpPorts(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const first = await Bun.udpSocket({ hostname: HERE, port: 0 });
    const port = first.port + 1;
    const second = await Bun.udpSocket({ hostname: HERE, port }).catch(() => undefined);
    first.close();
    second?.close();
    if (second !== undefined) return first.port;
  }
  throw new Error("no two free UDP ports in a row");
}

const HERE = "127.0.0.1";
const TRIES_MAX = 100;
