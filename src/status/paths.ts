/** Where each page is. */

/** The page of dynamic tunnels (R8). */
export const TUNNELS_PATH = "/status/ipsec/dynamic-tunnels";
export const EROUTES_PATH = "/status/ipsec/eroutes";
export const NOT_CONNECTED_PATH = "/status/ipsec/not-connected";
export const IKE_SAS_PATH = "/status/ipsec/ike-sas";
export const SITE_PATH = "/status/ipsec/peers";
export const PEERS_PATH = SITE_PATH;
export const EVENTS_PATH = "/status/events";
export const SYSTEM_PATH = "/status/system";
export const LOGIN_PATH = "/status/login";
export const LOGOUT_PATH = "/status/logout";
export const STYLE_PATH = "/status/style.css";
export const SCRIPT_PATH = "/status/live.js";

/** The page of one site. */
export function sitePath(peerId: string): string {
  return `${SITE_PATH}/${encodeURIComponent(peerId)}`;
}
