/**
 * Numbers of Mode Config and XAUTH (draft-dukes-ike-mode-cfg-02 §3.2, draft-beaulieu-ike-xauth-02
 * §6), and those of Cisco's Unity client.
 */

export const CfgType = { REQUEST: 1, REPLY: 2, SET: 3, ACK: 4 } as const;

export const CfgAttribute = {
  INTERNAL_IP4_ADDRESS: 1,
  INTERNAL_IP4_NETMASK: 2,
  INTERNAL_IP4_DNS: 3,
  INTERNAL_IP6_ADDRESS: 8,
  INTERNAL_IP6_DNS: 10,
  INTERNAL_IP4_SUBNET: 13,
  INTERNAL_IP6_SUBNET: 15,
  /** Which networks go through the tunnel: only for a peer with the Vendor ID `unity`. */
  UNITY_SPLIT_INCLUDE: 28676,
} as const;

export const XauthAttribute = {
  TYPE: 16520,
  USER_NAME: 16521,
  USER_PASSWORD: 16522,
  STATUS: 16527,
} as const;

/** A name and a password, and not a challenge or a one-time password. */
export const XAUTH_TYPE_GENERIC = 0;
