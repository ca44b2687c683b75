/** A value or a fault, for what can fail without being a bug. */

export type Ok<T> = { readonly ok: true; readonly value: T };
export type Err<E> = { readonly ok: false; readonly error: E };
export type Result<T, E> = Ok<T> | Err<E>;

/** Wraps a value. */
export function ok<T>(value: T): Ok<T> {
  return { ok: true, value };
}

/** Wraps a fault. */
export function err<E>(error: E): Err<E> {
  return { ok: false, error };
}
