/**
 * A condition in SQL that the configuration adds to each statement on a table. The author of the
 * configuration may write any condition; only slips that would reach beyond it are refused.
 */

/** What is wrong with it; undefined: nothing that shows without the database. */
export function conditionFault(text: string): string | undefined {
  if (text.trim() === "") return "is empty";
  if (text.length > CONDITION_LENGTH_MAX) return `has more than ${CONDITION_LENGTH_MAX} characters`;
  if (/\p{Cc}/u.test(text.replace(/[\n\t]/g, " "))) return "holds a control character";
  let depth = 0;
  let quote: string | undefined;
  for (const [at, letter] of text.split("").entries()) {
    if (quote !== undefined) {
      if (letter === "\\") return "holds a backslash in quotes, which databases read differently";
      if (letter === quote) quote = undefined;
    } else if (QUOTES.includes(letter)) quote = letter;
    else if (letter === "(") depth++;
    else if (letter === ")" && --depth < 0) return 'has a ")" without a "(" before it';
    else if (FORBIDDEN.includes(letter)) return `holds "${letter}" outside of quotes`;
    else if (COMMENTS.includes(text.slice(at, at + 2))) return "holds a comment";
  }
  if (quote !== undefined) return `has a ${quote} that is not closed`;
  return depth > 0 ? 'has a "(" that is not closed' : undefined;
}

const QUOTES = ["'", '"', "`"];
/** The end of a statement, a placeholder, and a comment of MySQL. */
const FORBIDDEN = [";", "?", "#"];
const COMMENTS = ["--", "/*"];
const CONDITION_LENGTH_MAX = 1_000;
