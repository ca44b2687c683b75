/** One figure of `states.ts`, as the programs in the guest report it. */

export type StatesFigure = { readonly what: string; readonly value: number };

/** Reports one; of several with the same name the lowest counts. */
export function say(what: string, value: number): void {
  const figure: StatesFigure = { what, value };
  console.log(`FIGURE ${JSON.stringify(figure)}`);
}
