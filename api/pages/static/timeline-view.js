/**
 * <timeline-view>: up to 28 days of several placements. Wheel zooms, drag pans, click seeks, Shift and drag selects.
 *
 * Fires `seek` with {at_ms}, `selection` with {range | null}. Keys when it has the focus: arrows pan, + and - zoom.
 */

import { DAY_MS, formatClock, formatLong, formatSpan, formatStamp, formatUtc, HOUR_MS } from "./civil-time.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";
import { gapCause, greyReason } from "./reasons.js";
import { moved, toInstant, within, zoomed } from "./time-scale.js";
import { AXIS_PX, LABEL_PX, paint, ROW_PX } from "./timeline-paint.js";

const ZOOM_STEP = 1.25;
const CLICK_PX = 4;
const FETCH_REST_MS = 150;
const LEAST_ROWS = 2;
const KEPT_MS = 28 * DAY_MS;
const AHEAD_SHARE = 0.04;
const EDGE_SHARE = 0.03;
const LEAD_SHARE = 0.3;

export class TimelineView extends HTMLElement {
  constructor() {
    super();
    /** @type {{id: string, name: string, data: import("./timeline-data.js").TimelineData}[]} */
    this.rows = [];
    /** @type {import("./time-scale.js").Range} */
    this.range = { from_ms: 0, to_ms: 1 };
    /** @type {import("./time-scale.js").Range | null} */
    this.selection = null;
    /** @type {number | null} */
    this.head_ms = null;
    this.now = () => 0;
    this.isSelecting = false;
    this.drag = null;
    this.hover_px = null;
    this.fetchTimer = 0;
    this.isDrawing = false;
    this.observer = new ResizeObserver(() => {
      this.#liftTip();
      this.draw();
    });
    this.handlers = {
      wheel: (event) => this.#atWheel(event),
      pointerdown: (event) => this.#atPress(event),
      pointermove: (event) => this.#atMove(event),
      pointerup: (event) => this.#atRelease(event),
      pointercancel: () => this.#cancel(),
      pointerleave: () => this.#hover(null),
      keydown: (event) => this.#atKey(event),
    };
  }

  connectedCallback() {
    this.canvas = document.createElement("canvas");
    this.tip = element("div", { class: "timeline-tip", hidden: true, "aria-hidden": "true" });
    this.append(this.canvas, this.tip);
    for (const [kind, handler] of Object.entries(this.handlers)) this.addEventListener(kind, handler, { passive: false });
    this.observer.observe(this);
    if (this.previousElementSibling) this.observer.observe(this.previousElementSibling);
  }

  disconnectedCallback() {
    this.observer.disconnect();
    for (const [kind, handler] of Object.entries(this.handlers)) this.removeEventListener(kind, handler);
    clearTimeout(this.fetchTimer);
    this.replaceChildren();
  }

  get limits() {
    const now_ms = this.now();
    return { from_ms: now_ms - KEPT_MS - 12 * HOUR_MS, to_ms: now_ms + 6 * HOUR_MS };
  }

  /** What is older and not held has been erased. */
  get horizon_ms() {
    const found = this.rows.map(({ data }) => data.kept_ms).filter(Number.isFinite);
    return found.length ? this.now() - Math.max(...found) : Number.NaN;
  }

  /** @param {number} span_ms @param {number} [about_ms] the end when left out */
  showSpan(span_ms, about_ms) {
    const to_ms = about_ms === undefined ? this.now() + span_ms * AHEAD_SHARE : about_ms + span_ms / 2;
    this.#setRange({ from_ms: to_ms - span_ms, to_ms });
  }

  /** @param {number} factor */
  zoom(factor) {
    const middle_ms = this.head_ms !== null && this.head_ms > this.range.from_ms && this.head_ms < this.range.to_ms
      ? this.head_ms : (this.range.from_ms + this.range.to_ms) / 2;
    this.#setRange(zoomed(this.range, factor, middle_ms, this.limits));
  }

  /** Keep the playhead in view while it runs. @param {number} head_ms */
  follow(head_ms) {
    this.head_ms = head_ms;
    const span_ms = this.range.to_ms - this.range.from_ms;
    if (!this.drag && (head_ms > this.range.to_ms - span_ms * EDGE_SHARE || head_ms < this.range.from_ms)) {
      const wanted = within({ from_ms: head_ms - span_ms * LEAD_SHARE, to_ms: head_ms + span_ms * (1 - LEAD_SHARE) }, this.limits);
      // At the end of all recordings there is nowhere to go: the head may come near the edge there.
      if (Math.abs(wanted.from_ms - this.range.from_ms) > span_ms * EDGE_SHARE) this.#setRange(wanted);
    }
    this.draw();
  }

  /** @param {import("./time-scale.js").Range | null} selection */
  select(selection) {
    this.selection = selection;
    this.draw();
    this.dispatchEvent(new CustomEvent("selection", { detail: { range: selection } }));
  }

  /** Fetch what is in view, then draw. */
  refresh() {
    this.draw();
    // While the view moves it fetches now and then, not only when it comes to rest.
    if (this.fetchTimer) return;
    this.fetchTimer = setTimeout(async () => {
      this.fetchTimer = 0;
      try {
        await Promise.all(this.rows.map(({ data }) => data.ensure(this.range, this.now())));
      } catch (error) {
        this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
      }
      this.draw();
      this.dispatchEvent(new CustomEvent("loaded"));
    }, FETCH_REST_MS);
  }

  draw() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.#paint();
    });
  }

  #paint() {
    const width_px = this.clientWidth;
    const height_px = AXIS_PX + Math.max(this.rows.length, LEAST_ROWS) * ROW_PX + 6;
    if (!this.canvas || !width_px) return;
    const ratio = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width_px * ratio) || this.canvas.height !== Math.round(height_px * ratio)) {
      this.canvas.width = Math.round(width_px * ratio);
      this.canvas.height = Math.round(height_px * ratio);
      this.canvas.style.width = `${width_px}px`;
      this.canvas.style.height = `${height_px}px`;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint({
      context, width_px, height_px, range: this.range, rows: this.rows, now_ms: this.now(), horizon_ms: this.horizon_ms, head_ms: this.head_ms,
      hover_px: this.drag ? null : this.hover_px, selection: this.selection, font: `12px ${getComputedStyle(this).fontFamily}`,
    });
    this.setAttribute("aria-label", this.head_ms === null ? t("Timeline") : t("Timeline, at {time}", { time: formatLong(this.head_ms) }));
  }

  #setRange(range) {
    this.range = within(range, this.limits);
    this.refresh();
    this.dispatchEvent(new CustomEvent("range"));
  }

  #at(event) {
    const box = this.getBoundingClientRect();
    const x_px = event.clientX - box.left;
    return { x_px, y_px: event.clientY - box.top, at_ms: toInstant(this.range, this.clientWidth - LABEL_PX, x_px - LABEL_PX) };
  }

  #atWheel(event) {
    event.preventDefault();
    const { at_ms } = this.#at(event);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = (event.deltaX || event.deltaY) / this.clientWidth;
      this.#setRange(moved(this.range, by * (this.range.to_ms - this.range.from_ms), this.limits));
    } else this.#setRange(zoomed(this.range, event.deltaY > 0 ? ZOOM_STEP : 1 / ZOOM_STEP, at_ms, this.limits));
  }

  #atPress(event) {
    const { x_px, at_ms } = this.#at(event);
    if (event.button !== 0 || x_px < LABEL_PX) return;
    this.setPointerCapture(event.pointerId);
    this.drag = { x_px, at_ms, range: this.range, selects: event.shiftKey || this.isSelecting, isMoving: false };
  }

  #atMove(event) {
    const { x_px, y_px, at_ms } = this.#at(event);
    if (!this.drag) {
      this.#hover(x_px >= LABEL_PX ? { x_px, y_px, at_ms } : null);
      return;
    }
    if (Math.abs(x_px - this.drag.x_px) > CLICK_PX) this.drag.isMoving = true;
    if (!this.drag.isMoving) return;
    this.#hover(null);
    if (this.drag.selects) {
      const now_ms = this.now();
      this.selection = { from_ms: Math.min(this.drag.at_ms, at_ms, now_ms), to_ms: Math.max(this.drag.at_ms, at_ms) };
      this.draw();
      return;
    }
    const span_ms = this.drag.range.to_ms - this.drag.range.from_ms;
    this.#setRange(moved(this.drag.range, ((this.drag.x_px - x_px) / (this.clientWidth - LABEL_PX)) * span_ms, this.limits));
  }

  #atRelease(event) {
    if (!this.drag) return;
    const { isMoving, selects } = this.drag;
    this.drag = null;
    if (isMoving && selects) this.select(this.selection);
    else if (!isMoving) this.dispatchEvent(new CustomEvent("seek", { detail: { at_ms: Math.min(this.#at(event).at_ms, this.now()) } }));
  }

  #cancel() {
    this.drag = null;
    this.draw();
  }

  #atKey(event) {
    const span_ms = this.range.to_ms - this.range.from_ms;
    if (event.key === "PageUp") this.#setRange(moved(this.range, -span_ms / 2, this.limits));
    else if (event.key === "PageDown") this.#setRange(moved(this.range, span_ms / 2, this.limits));
    else if (event.key === "+" || event.key === "=") this.zoom(1 / ZOOM_STEP / ZOOM_STEP);
    else if (event.key === "-") this.zoom(ZOOM_STEP * ZOOM_STEP);
    else return;
    event.preventDefault();
  }

  /** Over the pictures, never over the buttons between them and the timeline, also when those take another line. */
  #liftTip() {
    const bar = this.previousElementSibling;
    this.tip.style.bottom = `${this.offsetHeight + (bar instanceof HTMLElement ? bar.offsetHeight : 0) + 4}px`;
  }

  /** The instant under the pointer, and what is there. */
  #hover(point) {
    this.hover_px = point?.x_px ?? null;
    this.tip.hidden = !point;
    if (point) {
      const row = this.rows[Math.floor((point.y_px - AXIS_PX) / ROW_PX)];
      const lines = [element("strong", {}, formatStamp(point.at_ms)), element("span", { class: "muted" }, formatUtc(point.at_ms))];
      if (row && point.y_px > AXIS_PX) lines.push(...this.#whatIsThere(row, point.at_ms).map((text) => element("span", {}, text)));
      this.tip.replaceChildren(...lines);
      const wide_px = this.tip.offsetWidth;
      this.#liftTip();
      this.tip.style.left = `${Math.min(point.x_px + 14, this.clientWidth - wide_px - 6)}px`;
    }
    this.draw();
  }

  #whatIsThere({ name, data }, at_ms) {
    const grain_ms = ((this.range.to_ms - this.range.from_ms) / this.clientWidth) * 2;
    const holds = (span) => span.start_ms - grain_ms <= at_ms && at_ms < span.end_ms + grain_ms;
    const lines = [name];
    const gap = data.gaps.find(holds);
    const grey = data.greys.find(holds);
    const held = data.holds.find(holds);
    if (at_ms > this.now()) lines.push(t("Still to come"));
    else if (gap) lines.push(t("Not recorded: {cause} ({span})", { cause: gapCause(gap.cause), span: formatSpan(gap.end_ms - gap.start_ms) }));
    else if (grey) lines.push(t("Blanked: {reason} ({span})", { reason: greyReason(grey.reason), span: formatSpan(grey.end_ms - grey.start_ms) }));
    else {
      const stretch = data.stretches.find(holds);
      if (!stretch) lines.push(at_ms < this.horizon_ms ? t("Erased: its time was over") : t("No footage"));
      else if (stretch.look === "open") lines.push(t("Being recorded; playable from the next minute"));
      else if (stretch.look === "erased") lines.push(t("Erased"));
      else if (stretch.look === "lost") lines.push(t("Lost or damaged footage"));
      else lines.push(t("Recorded"));
    }
    if (held) lines.push(held.case_number ? t("Held for {case}", { case: held.case_number }) : t("Held"));
    return lines;
  }

  /** @returns {string} what is in view, for reading aloud */
  get description() {
    return t("From {from} to {to}", { from: formatLong(this.range.from_ms), to: formatClock(this.range.to_ms) });
  }
}

customElements.define("timeline-view", TimelineView);
