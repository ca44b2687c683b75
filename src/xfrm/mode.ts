/** Whether a packet is protected as a whole or from its transport header on: XFRM_MODE. */

const XFRM_MODE_TRANSPORT = 0;
const XFRM_MODE_TUNNEL = 1;

export function modeNumber(mode: "tunnel" | "transport"): number {
  return mode === "tunnel" ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
}

export function modeOf(number: number): "tunnel" | "transport" {
  return number === XFRM_MODE_TUNNEL ? "tunnel" : "transport";
}
