/** Times as people write them: `10s`, `5m`, `1h30m`. */

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

type Unit = keyof typeof UNIT_MS;

/** Milliseconds of a time such as `500ms`, `10s`, `1h30m`, `7d`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!/^([0-9]{1,9}(ms|[smhd]))+$/.test(text)) return undefined;
  let ms = 0;
  for (const part of text.matchAll(/([0-9]+)(ms|[smhd])/g)) {
    ms += Number(part[1]) * UNIT_MS[part[2] as Unit];
  }
  return ms;
}
