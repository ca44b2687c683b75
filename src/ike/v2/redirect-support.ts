/** Whether a site can be redirected to another gateway (RFC 5685 §3). */

/** What a site said in IKE_SA_INIT: whether it can be redirected, and whether it just was. */
export type RedirectSupport = "none" | "supported" | "redirected";
