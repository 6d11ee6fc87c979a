/** The index of one placement's opened recordings: which bytes hold which instant, and the bytes themselves. */

import { ApiError, request, sessionOver } from "./api.js";
import { isoInstant, MINUTE_MS, parseInstant } from "./civil-time.js";
import { t } from "./i18n.js";

export const WINDOW_MS = 10 * MINUTE_MS;
const EXTEND_BEFORE_MS = MINUTE_MS;
const LEAD_MS = 5000;
const REOPEN_MS = 10_000;
const PIECE_BYTES = 3_000_000;

/**
 * @typedef {{code: string, case_number?: string, text?: string}} Purpose
 * @typedef {{opening: string, number: number, start_ms: number, end_ms: number, codec: string, fragments: [number, number, number][]}} Segment
 * @typedef {{segment: Segment, index: number}} Position
 */

export class PlaybackSource {
  /**
   * @param {string} placementId
   * @param {Purpose} purpose
   */
  constructor(placementId, purpose) {
    this.placementId = placementId;
    this.purpose = purpose;
    /** @type {{id: string, from_ms: number, to_ms: number, reachesNow: boolean, opened_ms: number}[]} a minute that was still being recorded
     *   at the opening is found by opening again */
    this.openings = [];
    /** @type {Segment[]} */
    this.segments = [];
    this.pending = null;
  }

  /** Open recordings around an instant, unless that is done. @param {number} at_ms @param {number} now_ms */
  async cover(at_ms, now_ms) {
    const opening = this.openings.find(({ from_ms, to_ms }) => from_ms <= at_ms && at_ms < to_ms);
    const isBehindRecorder = opening?.reachesNow && !this.locate(at_ms) && performance.now() - opening.opened_ms > REOPEN_MS;
    if (!opening || isBehindRecorder) {
      await this.close();
      await this.#open(at_ms - LEAD_MS, Math.min(at_ms + WINDOW_MS, now_ms));
      const opened = this.openings.at(-1);
      if (opened) opened.reachesNow = opened.to_ms >= now_ms;
    } else if (opening.to_ms - at_ms < EXTEND_BEFORE_MS && opening === this.openings.at(-1) && opening.to_ms < now_ms - EXTEND_BEFORE_MS) {
      await this.#open(opening.to_ms, Math.min(opening.to_ms + WINDOW_MS, now_ms));
      await this.#closeBefore(at_ms);
    }
  }

  /** @param {number} at_ms @returns {boolean} whether the recordings around the instant are open */
  isOpenAt(at_ms) {
    return this.openings.some(({ from_ms, to_ms }) => from_ms <= at_ms && at_ms < to_ms);
  }

  /** @param {number} at_ms @returns {Position | null} the last fragment that begins at or before the instant, in the segment that holds it */
  locate(at_ms) {
    const segment = this.segments.find(({ start_ms, end_ms }) => start_ms <= at_ms && at_ms < end_ms);
    if (!segment || !segment.fragments.length) return null;
    const index = segment.fragments.findLastIndex(([, , offset_ms]) => segment.start_ms + offset_ms <= at_ms);
    return { segment, index: Math.max(0, index) };
  }

  /** @param {Segment} segment @returns {Segment | null} the next one in time */
  after(segment) {
    return this.segments.find(({ start_ms }) => start_ms > segment.start_ms) ?? null;
  }

  /** @param {Segment} segment @param {AbortSignal} signal */
  init(segment, signal) {
    return this.#read(segment, 0, segment.fragments[0][0], signal);
  }

  /**
   * @param {Segment} segment
   * @param {number} index first fragment
   * @param {AbortSignal} signal
   * @returns {Promise<{bytes: ArrayBuffer, next: number}>} some fragments, and the index behind them
   */
  async piece(segment, index, signal) {
    const [begin] = segment.fragments[index];
    let next = index;
    let end = begin;
    while (next < segment.fragments.length && end - begin < PIECE_BYTES && next - index < 5) {
      end = segment.fragments[next][0] + segment.fragments[next][1];
      next += 1;
    }
    return { bytes: await this.#read(segment, begin, end - begin, signal), next };
  }

  /** Tell the server that nobody watches any more. */
  async close() {
    const openings = this.openings;
    this.openings = [];
    this.segments = [];
    await Promise.all(openings.map(({ id }) => this.#closeOne(id)));
  }

  #open(from_ms, to_ms) {
    this.pending ||= this.#openOnce(from_ms, to_ms).finally(() => {
      this.pending = null;
    });
    return this.pending;
  }

  async #openOnce(from_ms, to_ms) {
    if (to_ms <= from_ms) return;
    const answer = await request("POST", "/api/playback", {
      placement_id: this.placementId, from: isoInstant(from_ms), to: isoInstant(to_ms), purpose: this.purpose,
    });
    this.openings.push({ id: answer.playback_id, from_ms, to_ms, reachesNow: false, opened_ms: performance.now() });
    const known = new Set(this.segments.map(({ number }) => number));
    for (const segment of answer.segments) {
      if (known.has(segment.number)) continue;
      this.segments.push({ ...segment, opening: answer.playback_id, start_ms: parseInstant(segment.start_at), end_ms: parseInstant(segment.end_at) });
    }
    this.segments.sort((a, b) => a.start_ms - b.start_ms);
  }

  async #closeBefore(at_ms) {
    const over = this.openings.filter(({ to_ms }) => to_ms < at_ms - WINDOW_MS);
    this.openings = this.openings.filter((opening) => !over.includes(opening));
    this.segments = this.segments.filter(({ opening }) => !over.some(({ id }) => id === opening));
    await Promise.all(over.map(({ id }) => this.#closeOne(id)));
  }

  async #closeOne(id) {
    try {
      await request("POST", `/api/playback/${encodeURIComponent(id)}/close`, {}, { keepalive: true });
    } catch (error) {
      // The server closes what a session leaves open; the person need not know.
      console.info("playback was not closed", error);
    }
  }

  async #read(segment, offset, length, signal) {
    const response = await fetch(`/api/playback/${encodeURIComponent(segment.opening)}/segments/${segment.number}`, {
      headers: { Range: `bytes=${offset}-${offset + length - 1}` }, credentials: "same-origin", cache: "no-store", signal,
    });
    if (response.status === 401 && (await sessionOver())) return this.#read(segment, offset, length, signal);
    if (!response.ok) throw new ApiError(response.status, "playback.segment", t("This minute can't be read: it was erased in the meantime, or the storage does not answer."), {});
    const bytes = await response.arrayBuffer();
    return response.status === 206 ? bytes : bytes.slice(offset, offset + length);
  }
}
