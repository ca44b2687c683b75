/** Whether a site can be sent to another gateway (RFC 5685 §3). */

/** What a site has said in IKE_SA_INIT: whether it can be sent on, and whether it was. */
export type RedirectSupport = "none" | "supported" | "redirected";
