/**
 * <playback-player>: recorded pictures of one placement on a media axis that is wall time less a fixed start.
 *
 * The page's clock says where to be (`sync`); the player fetches ahead of it, seeks when it is off, and says what it has.
 */

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { gapCause, greyReason } from "./reasons.js";

const AHEAD_S = 12;
const BEHIND_S = 20;
const DRIFT_SEEK_S = 0.6;
const DRIFT_NUDGE_S = 0.06;
const NUDGE = 0.06;
const STEP_S = 0.04;
const EDGE_S = 0.05;

export class PlaybackPlayer extends HTMLElement {
  constructor() {
    super();
    this.name = "";
    /** @type {import("./playback-source.js").PlaybackSource | null} */
    this.source = null;
    /** @type {import("./timeline-data.js").TimelineData | null} */
    this.data = null;
    this.origin_ms = 0;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
    this.codec = "";
    this.abort = new AbortController();
    this.isFilling = false;
    /** @type {{segment: import("./playback-source.js").Segment, index: number, hasInit: boolean} | null} */
    this.cursor = null;
    this.failedUntil_ms = 0;
  }

  connectedCallback() {
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.disablePictureInPicture = true;
    this.video.preload = "auto";
    this.video.tabIndex = -1;
    this.shade = element("div", { class: "tile-shade" });
    this.append(element("div", { class: "tile-caption" }, element("span", { class: "tile-name" }, this.name)), element("div", { class: "tile-picture" }, this.video, this.shade));
    this.#show(t("Click on the timeline, or press play, to look back."), true);
    this.media = new MediaSource();
    this.video.src = URL.createObjectURL(this.media);
    this.opened = new Promise((resolve) => this.media.addEventListener("sourceopen", resolve, { once: true }));
  }

  disconnectedCallback() {
    this.abort.abort();
    URL.revokeObjectURL(this.video.src);
    this.video.removeAttribute("src");
    this.video.load();
    this.replaceChildren();
    this.source?.close();
  }

  /** @param {number} at_ms */
  #media_s(at_ms) {
    return (at_ms - this.origin_ms) / 1000;
  }

  /** @param {number} at_ms @returns {boolean} whether the picture of that instant is there to be shown */
  hasPicture(at_ms) {
    const at_s = this.#media_s(at_ms);
    const ranges = this.video.buffered;
    for (let index = 0; index < ranges.length; index += 1) if (ranges.start(index) - EDGE_S <= at_s && at_s < ranges.end(index)) return true;
    return false;
  }

  /** @param {number} at_ms @returns {boolean} whether footage exists there but has still to come */
  isWaiting(at_ms) {
    if (!this.source || this.hasPicture(at_ms) || performance.now() < this.failedUntil_ms) return false;
    return this.source.isOpenAt(at_ms) ? Boolean(this.source.locate(at_ms)) : Boolean(this.data?.recordedAt(at_ms));
  }

  /**
   * Be at this instant.
   * @param {number} at_ms
   * @param {number} now_ms the server's clock
   * @param {number} rate
   * @param {boolean} isPlaying
   */
  sync(at_ms, now_ms, rate, isPlaying) {
    this.#fill(at_ms, now_ms);
    const at_s = this.#media_s(at_ms);
    const { video } = this;
    if (!this.hasPicture(at_ms)) {
      if (!video.paused) video.pause();
      this.#say(at_ms, now_ms);
      return;
    }
    this.#sayGrey(at_ms);
    const drift_s = at_s - video.currentTime;
    const isOff = Math.abs(drift_s) > (isPlaying ? DRIFT_SEEK_S * Math.max(1, rate / 2) : STEP_S / 2);
    if (isOff && !video.seeking) video.currentTime = at_s;
    if (!isPlaying) {
      if (!video.paused) video.pause();
      return;
    }
    const nudge = Math.abs(drift_s) > DRIFT_NUDGE_S ? Math.sign(drift_s) * NUDGE : 0;
    video.playbackRate = rate * (1 + nudge);
    if (video.paused) video.play().catch((reason) => console.info("playing waits", reason.name));
  }

  /** There is a picture; where it is grey, it says why. @param {number} at_ms */
  #sayGrey(at_ms) {
    const grey = this.data?.greys.find(({ start_ms, end_ms }) => start_ms <= at_ms && at_ms < end_ms);
    this.#show(grey ? t("Masked: {reason}", { reason: greyReason(grey.reason) }) : "", false);
  }

  /** There is no picture: why, and what to do. @param {number} at_ms @param {number} now_ms */
  #say(at_ms, now_ms) {
    const gap = this.data?.gaps.find(({ start_ms, end_ms }) => start_ms <= at_ms && at_ms < end_ms);
    const stretch = this.data?.stretchAt(at_ms);
    const isWaiting = this.isWaiting(at_ms);
    let text = "";
    if (isWaiting) text = t("Loading");
    else if (this.data?.erasedAt(at_ms, now_ms)) text = t("Erased: this footage was older than it may be kept");
    else if (gap) text = t("Not recorded: {cause}", { cause: gapCause(gap.cause) });
    else if (stretch?.look === "open") text = t("This minute is still being recorded. Watch it live, or look back at it in a minute.");
    else if (this.source) text = t("No footage at this time. Choose a coloured stretch on the timeline.");
    else text = t("Click on the timeline, or press play, to look back.");
    this.#show(text, !isWaiting);
  }

  #show(text, isEmpty) {
    this.classList.toggle("is-empty", isEmpty);
    if (this.shade.textContent !== text) this.shade.textContent = text;
  }

  async #fill(at_ms, now_ms) {
    if (this.isFilling || !this.source || performance.now() < this.failedUntil_ms) return;
    this.isFilling = true;
    try {
      await this.opened;
      await this.source.cover(at_ms, now_ms);
      await this.#fetchAhead(at_ms);
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.failedUntil_ms = performance.now() + 5000;
      this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    } finally {
      this.isFilling = false;
    }
  }

  async #fetchAhead(at_ms) {
    const at_s = this.#media_s(at_ms);
    const end_s = this.#bufferedEnd_s(at_s);
    if (end_s === null) {
      const found = this.source.locate(at_ms);
      const isUnderWay = found && this.cursor?.segment === found.segment && this.cursor.index === found.index;
      this.cursor = found && !isUnderWay ? { ...found, hasInit: false } : found && this.cursor;
    } else if (end_s - at_s > AHEAD_S) return;
    else if (!this.cursor) {
      const found = this.source.locate(this.origin_ms + end_s * 1000 + 20);
      if (found) this.cursor = { ...found, hasInit: false };
    }
    if (!this.cursor) return;
    await this.#appendPiece();
    await this.#trim(at_s);
  }

  /** Append the next fragments at the cursor, and move it on, into the next segment where this one ends. */
  async #appendPiece() {
    const { segment, hasInit } = this.cursor;
    const { signal } = this.abort;
    if (!hasInit) {
      const type = `video/mp4; codecs="${segment.codec}"`;
      if (!this.buffer) this.buffer = this.media.addSourceBuffer(type);
      else if (this.codec !== segment.codec) this.buffer.changeType(type);
      this.codec = segment.codec;
      const bytes = await this.source.init(segment, signal);
      this.buffer.timestampOffset = this.#media_s(segment.start_ms);
      await this.#append(bytes);
    }
    const { bytes, next } = await this.source.piece(segment, this.cursor.index, signal);
    await this.#append(bytes);
    if (next < segment.fragments.length) this.cursor = { segment, index: next, hasInit: true };
    else {
      const following = this.source.after(segment);
      // Over a gap the page's clock jumps; only what follows closely is fetched ahead.
      const isClose = following && following.start_ms - segment.end_ms < AHEAD_S * 1000;
      this.cursor = isClose ? { segment: following, index: 0, hasInit: false } : null;
    }
  }

  #append(bytes) {
    return this.#settle(() => this.buffer.appendBuffer(bytes));
  }

  #settle(act) {
    return new Promise((resolve, reject) => {
      this.buffer.addEventListener("updateend", resolve, { once: true });
      this.buffer.addEventListener("error", () => reject(new Error(t("This recording can't be shown."))), { once: true });
      act();
    });
  }

  #bufferedEnd_s(at_s) {
    const ranges = this.video.buffered;
    for (let index = 0; index < ranges.length; index += 1) if (ranges.start(index) - EDGE_S <= at_s && at_s < ranges.end(index)) return ranges.end(index);
    return null;
  }

  async #trim(at_s) {
    const ranges = this.video.buffered;
    if (!ranges.length) return;
    if (ranges.start(0) < at_s - BEHIND_S * 2) await this.#settle(() => this.buffer.remove(0, at_s - BEHIND_S));
    else if (ranges.end(ranges.length - 1) > at_s + AHEAD_S * 10) await this.#settle(() => this.buffer.remove(at_s + AHEAD_S * 5, Number.POSITIVE_INFINITY));
  }
}

customElements.define("playback-player", PlaybackPlayer);
