/** Numbers by which answers find the request that they answer. */

/** Numbers a request to the concentrator: its answer quotes it. */
export type Ticket = number & { readonly is: "ticket" };
