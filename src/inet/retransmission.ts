/** How often a request over UDP is sent, and how long its answer is waited for (RFC 7296 §2.4). */

/** Waits between the copies of a request, and how many there are. */
export type Retransmission = {
  readonly firstMs: number;
  readonly backoff: number;
  readonly attemptsMax: number;
};

/** From the first copy to the end of the wait for the last one. */
export function retransmissionMs({ firstMs, backoff, attemptsMax }: Retransmission): number {
  let ms = 0;
  for (let attempt = 0; attempt < attemptsMax; attempt++) ms += firstMs * backoff ** attempt;
  return ms;
}
