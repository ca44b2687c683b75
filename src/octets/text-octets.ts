/** Texts as octets, whatever characters they have: ASCII takes an octet for each, any other two. */

const ASCII_MAX = 0x7f;

/** Whether characters of the text take two octets. */
export function isWide(text: string): boolean {
  const { length } = text;
  let codes = 0;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    codes |= text.charCodeAt(at) | text.charCodeAt(at + 1);
    codes |= text.charCodeAt(at + 2) | text.charCodeAt(at + 3);
  }
  for (; at < length; at++) codes |= text.charCodeAt(at);
  return codes > ASCII_MAX;
}

/** There is room from `start` on; returns where it ends. */
export function writeText(text: string, wide: boolean, octets: Uint8Array, start: number): number {
  const { length } = text;
  let end = start;
  let at = 0;
  for (; !wide && at + 4 <= length; at += 4) {
    octets[end++] = text.charCodeAt(at);
    octets[end++] = text.charCodeAt(at + 1);
    octets[end++] = text.charCodeAt(at + 2);
    octets[end++] = text.charCodeAt(at + 3);
  }
  for (; at < length; at++) {
    const code = text.charCodeAt(at);
    if (wide) octets[end++] = code >>> 8;
    octets[end++] = code;
  }
  return end;
}

/** All of these octets are the text. */
export function readText(octets: Uint8Array, wide: boolean): string {
  if (!wide) return ascii.decode(octets);
  let text = "";
  for (let at = 0; at < octets.length; at += 2) {
    text += String.fromCharCode(((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0));
  }
  return text;
}

const ascii = new TextDecoder("ascii");
