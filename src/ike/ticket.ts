/** Tickets: numbers that connect an answer with its request. */

/** The number of a request to the concentrator; the answer quotes it. */
export type Ticket = number & { readonly is: "ticket" };
