/** A program: sends datagrams to a port of loopback as fast as it can; counts what comes back. */

const [port, ms] = process.argv.slice(2).map(Number) as [number, number];
let answers = 0;
const socket = await Bun.udpSocket({
  hostname: "127.0.0.1",
  socket: {
    data: () => {
      answers++;
    },
  },
});
const datagram = new Uint8Array(200);
const until = performance.now() + ms;
while (performance.now() < until) {
  for (let i = 0; i < 100; i++) socket.send(datagram, port, "127.0.0.1");
  await Bun.sleep(0);
}
await Bun.sleep(500);
process.stdout.write(JSON.stringify({ answers }));
process.exit(0);
