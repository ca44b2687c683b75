/** Times of certificates (RFC 5280 §4.1.2.5), as ms since 1970 in UTC. */

import { DerTag, type DerValue } from "../../octets/der.ts";

/** UTCTime or GeneralizedTime, each in the one form that certificates may use. */
export function parseTime({ tag, content }: DerValue): number | undefined {
  const text = String.fromCharCode(...content.subarray(0, 16));
  const found =
    tag === DerTag.UTC_TIME
      ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
      : tag === DerTag.GENERALIZED_TIME
        ? /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
        : null;
  if (found === null) return undefined;
  const [written = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map(Number);
  const century = tag === DerTag.UTC_TIME ? (written < 50 ? 2000 : 1900) : 0;
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const days = daysSince1970(century + written, month, day);
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

/** `2030-01-31 08:00 UTC`. */
export function formatTime(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const days = Math.floor(minutes / 1440);
  const { year, month, day } = civil(days);
  const two = (value: number) => String(value).padStart(2, "0");
  const ofDay = minutes - days * 1440;
  return (
    `${String(year).padStart(4, "0")}-${two(month)}-${two(day)} ` +
    `${two(Math.floor(ofDay / 60))}:${two(ofDay % 60)} UTC`
  );
}

/** Gregorian calendar; years begin in March, so that the leap day is the last one. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_TO_1970;
}

function civil(days: number): {
  readonly year: number;
  readonly month: number;
  readonly day: number;
} {
  const shifted = days + DAYS_TO_1970;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

const DAYS_PER_ERA = 146_097;
const DAYS_TO_1970 = 719_468;
