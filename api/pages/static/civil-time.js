/** Instants are UTC milliseconds; people read and type the time of Utrecht. */

import { currentLanguage, t } from "./i18n.js";

export const ZONE = "Europe/Amsterdam";
export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** @param {Intl.DateTimeFormatOptions} options */
function formatter(options) {
  const format = new Intl.DateTimeFormat(currentLanguage() === "en" ? "en-GB" : "nl-NL", { timeZone: ZONE, ...options });
  return (/** @type {number} */ at_ms) => format.format(at_ms);
}

export const formatClock = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const formatMinute = formatter({ hour: "2-digit", minute: "2-digit" });
export const formatDay = formatter({ weekday: "short", day: "numeric", month: "short" });
export const formatDate = formatter({ day: "numeric", month: "short", year: "numeric" });
export const formatMonth = formatter({ month: "long", year: "numeric" });
export const formatLong = formatter({
  weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
export const formatStamp = formatter({ day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const zoneName = formatter({ timeZoneName: "shortOffset", hour: "2-digit" });

/** @param {string} text ISO 8601 */
export function parseInstant(text) {
  return Date.parse(text);
}

/** @param {number} at_ms */
export function isoInstant(at_ms) {
  return new Date(at_ms).toISOString();
}

/** @param {number} at_ms */
export function formatUtc(at_ms) {
  return `${new Date(at_ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** @param {number} at_ms @returns {string} e.g. `UTC+1` */
export function zoneOffset(at_ms) {
  return (zoneName(at_ms).match(/(?:GMT|UTC)\S*/) || ["UTC"])[0].replace("GMT", "UTC");
}

const parts = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

/** How far the time of Utrecht is ahead of UTC. @param {number} at_ms */
export function zoneAhead_ms(at_ms) {
  const found = Object.fromEntries(parts.formatToParts(at_ms).map((part) => [part.type, Number(part.value)]));
  const civil_ms = Date.UTC(found.year, found.month - 1, found.day, found.hour, found.minute, found.second);
  return civil_ms - Math.floor(at_ms / SECOND_MS) * SECOND_MS;
}

const FIELD = /^(?:(\d{1,2})[-/. ](\d{1,2})(?:[-/. ](\d{4}|\d{2}))?)?[ ,T]*(?:(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?)?$/;

/** What stands in a field for a time: day first and 24 hours, whatever the browser's own language is. @param {number} at_ms */
export function toField(at_ms) {
  const civil = new Date(at_ms + zoneAhead_ms(at_ms)).toISOString();
  return `${civil.slice(8, 10)}-${civil.slice(5, 7)}-${civil.slice(0, 4)} ${civil.slice(11, 19)}`;
}

/** @param {number} at_ms @returns {string} the day alone, as in a field */
export function toDayField(at_ms) {
  return toField(at_ms).slice(0, 10);
}

/** @param {string} at an instant at which a time limit has passed @returns {string} the last day within it, as in a field */
export function lastDayField(at) {
  return toDayField(parseInstant(at) - 1);
}

/**
 * @param {string} text as typed, time of Utrecht: `24-11-2026 22:14:05`, `24-11 22:14`, `22:14` (of the day of `near_ms`), `24-11-2026`
 * @param {number} near_ms gives the year and the day that are left out
 * @returns {number} UTC milliseconds; in the hour that comes twice in October the first one; NaN for what is no time
 */
export function fromField(text, near_ms) {
  const found = text.trim().match(FIELD);
  if (!found || (!found[1] && !found[4])) return Number.NaN;
  const near = toField(near_ms);
  const day = Number(found[1] ?? near.slice(0, 2));
  const month = Number(found[2] ?? near.slice(3, 5));
  const year = Number(found[3] ? found[3].padStart(4, "20") : near.slice(6, 10));
  const [hour, minute, second] = [found[4], found[5], found[6]].map((part) => Number(part ?? 0));
  const civil_ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(civil_ms);
  if (back.getUTCDate() !== day || back.getUTCMonth() !== month - 1 || hour > 23 || minute > 59 || second > 59) return Number.NaN;
  return fromCivil(civil_ms);
}

function fromCivil(civil_ms) {
  const summer_ms = civil_ms - 2 * HOUR_MS;
  return zoneAhead_ms(summer_ms) === 2 * HOUR_MS ? summer_ms : civil_ms - HOUR_MS;
}

/** @param {number} at_ms @returns {number} the midnight in Utrecht at or before the instant */
export function startOfDay(at_ms) {
  const civil_ms = at_ms + zoneAhead_ms(at_ms);
  return fromCivil(Math.floor(civil_ms / DAY_MS) * DAY_MS);
}

/** @param {number} span_ms @returns {string} e.g. `2 min 05 s` */
export function formatSpan(span_ms) {
  const total_s = Math.round(span_ms / SECOND_MS);
  if (span_ms > 0 && !total_s) return t("less than 1 s");
  const days = Math.floor(total_s / 86400);
  const hours = Math.floor((total_s % 86400) / 3600);
  const minutes = Math.floor((total_s % 3600) / 60);
  const seconds = total_s % 60;
  if (days) return t("{days} d {hours} h", { days, hours });
  if (hours) return t("{hours} h {minutes} min", { hours, minutes });
  if (minutes) return seconds ? t("{minutes} min {seconds} s", { minutes, seconds }) : t("{minutes} min", { minutes });
  return t("{seconds} s", { seconds });
}
