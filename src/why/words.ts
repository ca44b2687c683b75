/** Names and durations as people say them. */

/** `Child SA up` for `child-sa-up`. */
export function inWords(name: string): string {
  return sentenceCase(name.replaceAll(/[-_]/g, " ").replace(SHORT, upperCase));
}

/** With a capital letter at the beginning. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `42 s`, `5 min`, `3 h`, `2 d`. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

const SHORT = /\b(ike|sa|sas|esp|nat|dns|tls|psk|ppk)\b/g;
const upperCase = (word: string) => (word === "sas" ? "SAs" : word.toUpperCase());
