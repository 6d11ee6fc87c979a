/** What the timeline shows of one placement: fetched for the part in view, kept while it suffices. */

import { request } from "./api.js";
import { DAY_MS, isoInstant, parseInstant } from "./civil-time.js";

const MARGIN_SHARE = 0.5;
const FRESH_MS = 20_000;
const DETAIL_PX = 1400;
const LONGEST_MS = 31 * DAY_MS;

/**
 * @typedef {{start_ms: number, end_ms: number, state: string, look: string, held: boolean}} Stretch
 * @typedef {{start_ms: number, end_ms: number, cause?: string, reason?: string, case_number?: string, id?: string}} Marked
 */

export class TimelineData {
  /** @param {string} placementId */
  constructor(placementId) {
    this.placementId = placementId;
    /** @type {Stretch[]} */
    this.stretches = [];
    /** @type {Marked[]} */
    this.gaps = [];
    /** @type {Marked[]} */
    this.greys = [];
    /** @type {Marked[]} */
    this.holds = [];
    /** How long footage without a hold is kept; NaN until something was recorded. */
    this.kept_ms = Number.NaN;
    this.covered = { from_ms: 0, to_ms: 0, grain_ms: 0, at_ms: Number.NEGATIVE_INFINITY };
  }

  /**
   * @param {{from_ms: number, to_ms: number}} range in view
   * @param {number} now_ms
   * @returns {Promise<boolean>} whether something new was fetched
   */
  async ensure(range, now_ms) {
    const span_ms = range.to_ms - range.from_ms;
    const grain_ms = span_ms / DETAIL_PX;
    const { covered } = this;
    const reachesNow = range.to_ms > covered.at_ms;
    const suffices = covered.from_ms <= range.from_ms && covered.to_ms >= range.to_ms
      && covered.grain_ms <= grain_ms * 3 && !(reachesNow && now_ms - covered.at_ms > FRESH_MS);
    if (suffices) return false;
    const margin_ms = Math.max(0, Math.min(span_ms * MARGIN_SHARE, (LONGEST_MS - span_ms) / 2));
    const from_ms = range.from_ms - margin_ms;
    const to_ms = range.to_ms + margin_ms;
    const query = new URLSearchParams({ from: isoInstant(from_ms), to: isoInstant(to_ms) });
    this.covered = { from_ms, to_ms, grain_ms, at_ms: now_ms };
    try {
      this.#take(await request("GET", `/api/placements/${encodeURIComponent(this.placementId)}/timeline?${query}`, undefined, { background: true }));
    } catch (error) {
      this.covered = { from_ms: 0, to_ms: 0, grain_ms: 0, at_ms: Number.NEGATIVE_INFINITY };
      throw error;
    }
    return true;
  }

  forget() {
    this.covered = { from_ms: 0, to_ms: 0, grain_ms: 0, at_ms: Number.NEGATIVE_INFINITY };
  }

  /** @param {number} at_ms @returns {Stretch | undefined} recorded footage at an instant */
  recordedAt(at_ms) {
    return this.stretches.find((stretch) => stretch.start_ms <= at_ms && at_ms < stretch.end_ms && isPlayable(stretch.state));
  }

  /** @param {number} at_ms @returns {Stretch | undefined} what the log of recordings knows of an instant, played or not */
  stretchAt(at_ms) {
    return this.stretches.find((stretch) => stretch.start_ms <= at_ms && at_ms < stretch.end_ms);
  }

  /** @param {number} at_ms @param {number} now_ms @returns {boolean} whether footage of that instant is gone because its time was over */
  erasedAt(at_ms, now_ms) {
    return this.stretchAt(at_ms)?.look === "erased" || (!this.stretchAt(at_ms) && at_ms < now_ms - this.kept_ms);
  }

  /** @param {number} at_ms @returns {number | null} where footage goes on at or after an instant */
  nextRecorded_ms(at_ms) {
    const next = this.stretches.find((stretch) => stretch.end_ms > at_ms && isPlayable(stretch.state));
    return next ? Math.max(next.start_ms, at_ms) : null;
  }

  #take(answer) {
    const spans = (list) => (list || []).map((entry) => ({ ...entry, start_ms: parseInstant(entry.start_at), end_ms: entry.end_at ? parseInstant(entry.end_at) : Date.now() }));
    this.stretches = spans(answer.segments).map((stretch) => ({ ...stretch, look: lookOf(stretch) })).sort((a, b) => a.start_ms - b.start_ms);
    this.gaps = spans(answer.gaps);
    this.greys = spans(answer.grey);
    this.holds = spans(answer.holds);
    if (answer.oldest_at && answer.due_at) this.kept_ms = parseInstant(answer.due_at) - parseInstant(answer.oldest_at);
  }
}

function isPlayable(state) {
  return state === "sealed";
}

function lookOf({ state }) {
  return ["open", "sealed"].includes(state) ? state : state === "destroyed" || state === "expiring" ? "erased" : "lost";
}
