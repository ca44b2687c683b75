/** A set of names, whatever keeps them. */

export type Names = Pick<ReadonlySet<string>, "has" | "size">;
