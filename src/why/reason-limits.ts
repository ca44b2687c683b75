/** Words and advice for limits that were reached: what is kept out, and what to do about it. */

export const LIMIT_REASONS = {
  ikev1: {
    words: "it calls with IKEv1, which erouted does not speak",
    advice:
      "set its router to IKEv2 (keyexchange=ikev2, ikev2=insist, IKE version 2); " +
      "`erouted peers remote-config {peer}` prints the whole set-up",
  },
  "half-open-full": {
    words: "too many negotiations at once",
    advice:
      "if these are your sites, raise half_open_max or half_open_memory; if they are strangers, " +
      "keep their addresses out with a firewall",
  },
  "message-too-long": {
    words: "its first message is too long",
    advice: "have the site offer fewer proposals, and send fewer vendor IDs",
  },
  "fragments-refused": {
    words: "its fragments are not taken",
    advice:
      "set fragmentation = true of the eroute, or switch fragments off at the site as well; too " +
      "many or too long ones mean too many certificates, or too small fragments",
  },
  "key-exchanges-waiting": {
    words: "too many key exchanges at once",
    advice:
      "the site repeats its request by itself; if it lasts, have the sites use x25519 or ecp256, " +
      "which need no queue",
  },
  "key-exchange-fault": {
    words: "a key exchange could not be made here",
    advice: "the site tries again by itself; if it lasts, report this as a bug",
  },
  "signatures-waiting": {
    words: "too many signatures at once",
    advice:
      "the site calls again by itself; if it lasts, give the sites ECDSA certificates on P-256, " +
      "which cost least",
  },
  "ike-sas-over-limit": {
    words: "too many IKE SAs of one site",
    advice:
      "look why it makes new ones and deletes none; where several devices share its ID, raise " +
      "ike.ike_sas_per_site",
  },
  "child-sas-over-limit": {
    words: "too many Child SAs of one site",
    advice:
      "look why it makes new ones and deletes none; where it needs so many, raise " +
      "ike.child_sas_per_site",
  },
  "moves-delayed": {
    words: "packets come from changing addresses or ports",
    advice: "look for a NAT or a load balancer that sends them out by turns; IKE and ESP suffer",
  },
  "slowed-down": {
    words: "failed too often, and tries again too early",
    advice: "the failures before it say why; it is looked at again within ten seconds",
  },
} as const;
