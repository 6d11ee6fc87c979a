/** The timeline's arithmetic, pure: instants to pixels and back, zooming about a point, ticks, joining what is too narrow to draw apart. */

import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, zoneAhead_ms } from "./civil-time.js";

export const SPAN_LEAST_MS = MINUTE_MS;
export const SPAN_MOST_MS = 29 * DAY_MS;
const TICK_APART_PX = 92;
const TICKS_MS = [
  SECOND_MS, 5 * SECOND_MS, 10 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS,
  HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS,
];

/** @typedef {{from_ms: number, to_ms: number}} Range */

/** @param {Range} range @param {number} width_px @param {number} at_ms */
export function toPixel(range, width_px, at_ms) {
  return ((at_ms - range.from_ms) / (range.to_ms - range.from_ms)) * width_px;
}

/** @param {Range} range @param {number} width_px @param {number} x_px */
export function toInstant(range, width_px, x_px) {
  return range.from_ms + (x_px / width_px) * (range.to_ms - range.from_ms);
}

/**
 * Zoom so that the instant under the pointer stays under it.
 * @param {Range} range
 * @param {number} factor below 1 shows less
 * @param {number} about_ms
 * @param {Range} limits
 * @returns {Range}
 */
export function zoomed(range, factor, about_ms, limits) {
  const span_ms = Math.min(SPAN_MOST_MS, Math.max(SPAN_LEAST_MS, (range.to_ms - range.from_ms) * factor));
  const share = (about_ms - range.from_ms) / (range.to_ms - range.from_ms);
  const from_ms = about_ms - share * span_ms;
  return within({ from_ms, to_ms: from_ms + span_ms }, limits);
}

/** @param {Range} range @param {number} by_ms @param {Range} limits @returns {Range} */
export function moved(range, by_ms, limits) {
  return within({ from_ms: range.from_ms + by_ms, to_ms: range.to_ms + by_ms }, limits);
}

/** Keep a range inside limits without changing its length, if it fits at all. @param {Range} range @param {Range} limits @returns {Range} */
export function within(range, limits) {
  const span_ms = Math.min(range.to_ms - range.from_ms, limits.to_ms - limits.from_ms);
  const from_ms = Math.min(Math.max(range.from_ms, limits.from_ms), limits.to_ms - span_ms);
  return { from_ms, to_ms: from_ms + span_ms };
}

/**
 * Ticks on round times of Utrecht.
 * @param {Range} range
 * @param {number} width_px
 * @returns {{step_ms: number, ticks: {at_ms: number, isDay: boolean}[]}}
 */
export function ticks(range, width_px) {
  const wanted_ms = ((range.to_ms - range.from_ms) / width_px) * TICK_APART_PX;
  const step_ms = TICKS_MS.find((candidate) => candidate >= wanted_ms) ?? TICKS_MS.at(-1);
  const found = [];
  // In civil time the steps are even; each is brought back with the offset that holds there (summer time starts within a day).
  const first_ms = Math.ceil((range.from_ms + zoneAhead_ms(range.from_ms)) / step_ms) * step_ms;
  for (let civil_ms = first_ms; ; civil_ms += step_ms) {
    const at_ms = civil_ms - zoneAhead_ms(civil_ms - zoneAhead_ms(range.from_ms));
    if (at_ms >= range.to_ms) break;
    found.push({ at_ms, isDay: civil_ms % DAY_MS === 0 });
  }
  return { step_ms, ticks: found };
}

/**
 * Join spans that touch, or that lie closer than `near_ms` and look the same.
 * @template {{start_ms: number, end_ms: number, look: string}} S
 * @param {S[]} spans in order
 * @param {number} near_ms
 * @returns {S[]}
 */
export function joined(spans, near_ms) {
  const result = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && last.look === span.look && span.start_ms - last.end_ms <= near_ms) last.end_ms = Math.max(last.end_ms, span.end_ms);
    else result.push({ ...span });
  }
  return result;
}
