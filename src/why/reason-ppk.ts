/** Words and advice for what two ends do not agree on about PPKs (RFC 8784). */

export const PPK_REASONS = {
  "no-ppk": {
    words: "no PPK on record",
    advice:
      "fill the column ppk of its row (`openssl rand -hex 32` behind 0x), or give the user " +
      'ppk_file; else set ppk = "if-set" of the eroute',
  },
  "bad-ppk": {
    words: "unreadable PPK in the row",
    advice: "correct the row; `erouted peers show {peer}` says how it is read",
  },
  "ppk-missing": {
    words: "does not use its PPK",
    advice:
      "give the site the PPK of its row (`erouted peers remote-config {peer}` prints its side); " +
      'ppk = "optional" of the eroute lets it connect without one until then',
  },
  "ppk-without-identity": {
    words: "does not say which PPK it uses",
    advice: "set the PPK's ID at the site; if it is set, look for a newer firmware of the site",
  },
  "ppk-unknown": {
    words: "insists on another PPK",
    advice:
      "have the same PPK_ID at both ends: ppk_id of the row (without one it is the peer ID) and " +
      "the site's; and a ppk in the row",
  },
  "wrong-ppk": {
    words: "wrong PPK",
    advice:
      "set the same PPK at both ends: `ppk` of the row and the site's (`erouted peers " +
      "remote-config {peer}` prints its side); the pre-shared key is right",
  },
  "wrong-psk-or-ppk": {
    words: "wrong pre-shared key, or wrong PPK",
    advice:
      "set the same keys at both ends: `password` and `ppk` of the row, and the site's (`erouted " +
      "peers remote-config {peer}` prints its side); a site that does not insist on its PPK " +
      "would tell which of both is wrong",
  },
  "wrong-signature-or-ppk": {
    words: "wrong signature, or wrong PPK",
    advice:
      "set the same PPK at both ends: `ppk` of the row, and the site's; if it is the same, look " +
      "at the site's certificate and private key",
  },
  "ppk-unsupported": {
    words: "does not use PPKs",
    advice:
      "configure the PPK of its row at the site; if it knows none, clear `ppk` of the row, or " +
      'set ppk = "optional" of the eroute',
  },
  "ppk-ignored": {
    words: "goes on without the PPK",
    advice: "the site's own log says why it does not take the PPK of its row",
  },
} as const;
