/** Octets as hexadecimal text: for people and configuration files. */

/** Lower-case hexadecimal, two digits for each octet. */
export function toHex(octets: Uint8Array): string {
  return octets.toHex();
}

/** The octets of hexadecimal text; undefined unless it is an even number of hex digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.fromHex(text);
}

/** An IKE SPI as people and other implementations write it: 16 hex digits. */
export function spi64Hex(spi: bigint): string {
  return spi.toString(16).padStart(16, "0");
}

/** An ESP SPI as `ip xfrm` writes it: 0x and 8 hex digits. */
export function spi32Hex(spi: number): string {
  return `0x${spi.toString(16).padStart(8, "0")}`;
}
