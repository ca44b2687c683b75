/** Events and effects in one line each, for the log of a world. */

import type { Effect } from "../../src/concentrator/effect.ts";
import type { Event } from "../../src/concentrator/event.ts";
import { formatEndpoint } from "../../src/inet/endpoint.ts";
import { spi64Hex } from "../../src/octets/hex.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { exchangeName } from "../../src/wire/v2/exchange-type.ts";
import {
  formatPolicyId,
  formatStateId,
  type KernelResult,
  type XfrmRequest,
} from "../../src/xfrm/request.ts";
import { formatRoute } from "../../src/xfrm/route.ts";

export function describeEvent(event: Event): string {
  switch (event.kind) {
    case "datagram":
      return `<- ${formatEndpoint(event.path.remote)} ${event.octets.length} octets`;
    case "peer-rows":
      return `rows for ${event.lookup}: ${event.result.ok ? event.result.value.length : "fault"}`;
    case "kernel-answer":
      return `kernel answers ${event.request}: ${errnoOf(event.result)}`;
    case "key-exchange-answer":
      return `key exchange answers ${event.request}: ${event.result.ok}`;
    case "signature-answer":
      return `signature answers ${event.request}: ${event.result.ok}`;
    case "expire":
      return `expire ${formatStateId(event.expire.id)}`;
    default:
      return event.kind;
  }
}

export function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case "send":
      return `send ${describeMessage(effect.octets)} to ${formatEndpoint(effect.path.remote)}`;
    case "look-up":
      return `look-up ${effect.lookup}`;
    case "kernel":
      return `kernel ${effect.request} ${describeRequest(effect.op)}`;
    case "key-exchange":
      return `key exchange ${effect.request}`;
    case "signature":
      return `signature ${effect.request} ${effect.op.op}`;
    case "resolve":
      return `resolve ${effect.resolve} ${effect.host}`;
    case "keepalive":
      return `keepalive to ${formatEndpoint(effect.path.remote)}`;
    case "journal":
      return `journal ${effect.entry.reason}`;
  }
}

/** `IKE_AUTH response 1 of …SPIr`. */
export function describeMessage(octets: Uint8Array): string {
  const header = parseHeader(octets);
  if (!header.ok) return `${octets.length} octets that are no IKE message`;
  const { exchangeType, messageId, flags, spiI, spiR } = header.value;
  const kind = flags.response ? "response" : "request";
  const name = exchangeName(exchangeType);
  const [initiator, responder] = [spiI, spiR].map((spi) => spi64Hex(spi).slice(0, 4));
  return `${name} ${kind} ${messageId} of ${initiator}_${responder}`;
}

function errnoOf(result: KernelResult): string {
  return result.ok ? "ok" : result.error.errno;
}

function describeRequest(op: XfrmRequest): string {
  switch (op.op) {
    case "new-state":
      return `new-state ${op.state.direction} ${formatStateId(op.state.id)}`;
    case "delete-state":
    case "query-state":
      return `${op.op} ${formatStateId(op.id)}`;
    case "move-state":
      return `move-state ${formatStateId(op.id)} to ${formatStateId(op.to)}`;
    case "put-route":
    case "delete-route":
      return `${op.op} ${formatRoute(op.route)}`;
    case "put-policy":
      return `put-policy ${formatPolicyId(op.policy.id)}`;
    case "delete-policy":
    case "query-policy":
      return `${op.op} ${formatPolicyId(op.id)}`;
  }
}
