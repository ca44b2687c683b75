/** Texts as octets, whatever characters they have: ASCII takes an octet for each, any other two. */

const ASCII_MAX = 0x7f;

/** Whether characters of the text take two octets. */
export function isWide(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > ASCII_MAX) return true;
  return false;
}

/** There is room from `start` on; returns where it ends. */
export function writeText(text: string, wide: boolean, octets: Uint8Array, start: number): number {
  let end = start;
  for (let at = 0; at < text.length; at++) {
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
