/** The number that names an ESP SA at its receiver (RFC 4303 §2.1). */

export type EspSpi = number & { readonly is: "ESP SPI" };

/** Makes an ESP SPI from a number that was read from a message or drawn at random. */
export function asEspSpi(value: number): EspSpi {
  return value as EspSpi;
}
