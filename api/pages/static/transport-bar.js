/** The bar under the pictures: play, speed, steps, jumps, the date, selecting. */

import { DAY_MS, formatDate, formatClock, formatUtc, fromField, HOUR_MS, MINUTE_MS, toField } from "./civil-time.js";
import { timeField } from "./dialog.js";
import { icon, element, iconButton } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { SPEEDS } from "./playback-clock.js";

/**
 * @typedef {{day_ms: () => number, toggle: () => void, step: (direction: number) => void, jump: (by_ms: number) => void, goTo: (at_ms: number) => void,
 *   setRate: (rate: number) => void, toggleSelecting: () => void, hold: () => void, showSpan: (span_ms: number) => void}} Acts
 */

export class TransportBar {
  /**
   * @param {HTMLElement} place
   * @param {Acts} acts
   * @param {boolean} mayHold
   */
  constructor(place, acts, mayHold) {
    this.play = iconButton("play", t("Play"), { class: "square transport-play", on: { click: acts.toggle } });
    this.time = element("time", { class: "transport-time" }, "--:--:--");
    this.day = element("span", { class: "transport-day" });
    this.field = /** @type {HTMLInputElement} */ (timeField("go", "", "time"));
    this.field.setAttribute("aria-label", t("Go to this time"));
    this.field.title = t("A time is enough: 22:14");
    this.speeds = SPEEDS.map((rate) => element("button", {
      type: "button", class: "small", "aria-pressed": String(rate === 1), on: { click: () => acts.setRate(rate) },
    }, `${formatNumber(rate, rate < 1 ? 1 : 0)}×`));
    this.selecting = element("button", { type: "button", class: "small", "aria-pressed": "false", title: t("Drag over the timeline (or Shift and drag)"), on: { click: acts.toggleSelecting } }, t("Select"));
    this.hold = element("button", { type: "button", class: "primary small", hidden: !mayHold, disabled: true, on: { click: acts.hold } }, icon("hold"), t("Secure"));
    // What was typed stays until it is gone to, or taken back: the running clock must not write over it.
    this.isTyped = false;
    this.wrong = element("span", { class: "transport-wrong", role: "alert", id: "go-wrong", hidden: true });
    const settle = (text) => {
      this.wrong.textContent = text;
      this.wrong.hidden = !text;
      this.field.toggleAttribute("aria-invalid", Boolean(text));
      this.isTyped = Boolean(text);
    };
    const go = () => {
      const at_ms = fromField(this.field.value, acts.day_ms());
      if (Number.isNaN(at_ms)) {
        settle(t("“{text}” is no time. Type for example {example}, or only 22:14.", { text: this.field.value, example: toField(acts.day_ms()) }));
        return;
      }
      settle("");
      this.field.blur();
      acts.goTo(at_ms);
    };
    this.field.setAttribute("aria-describedby", "go-wrong");
    this.field.addEventListener("input", () => {
      this.isTyped = true;
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") go();
      else if (event.key === "Escape") settle("");
    });
    const span = (span_ms, text) => element("button", { type: "button", class: "small plain", on: { click: () => acts.showSpan(span_ms) } }, text);
    place.replaceChildren(
      group(
        iconButton("back-10", t("10 seconds back"), { class: "plain square", on: { click: () => acts.jump(-10_000) } }),
        iconButton("step-back", t("One picture back"), { class: "plain square", on: { click: () => acts.step(-1) } }),
        this.play,
        iconButton("step-forward", t("One picture on"), { class: "plain square", on: { click: () => acts.step(1) } }),
        iconButton("forward-10", t("10 seconds on"), { class: "plain square", on: { click: () => acts.jump(10_000) } })),
      element("div", { class: "transport-now" }, this.time, this.day),
      element("div", { class: "transport-speeds", role: "group", "aria-label": t("Speed") }, ...this.speeds),
      element("div", { class: "transport-go" }, this.field, element("button", { type: "button", class: "small", on: { click: go } }, t("Go")), this.wrong),
      element("div", { class: "transport-spans", role: "group", "aria-label": t("Part of the timeline in view") },
        span(28 * DAY_MS, t("28 d")), span(DAY_MS, t("24 h")), span(HOUR_MS, t("1 h")), span(10 * MINUTE_MS, t("10 min"))),
      group(this.selecting, this.hold),
    );
  }

  /** @param {import("./playback-clock.js").PlaybackClock} clock @param {boolean} isWaiting */
  show(clock, isWaiting) {
    const name = clock.isPlaying ? t("Pause") : t("Play");
    if (this.play.title !== name) {
      this.play.title = name;
      this.play.setAttribute("aria-label", name);
      this.play.replaceChildren(icon(clock.isPlaying ? "pause" : "play"));
    }
    this.play.classList.toggle("is-waiting", isWaiting);
    this.speeds.forEach((button, index) => button.setAttribute("aria-pressed", String(SPEEDS[index] === clock.rate)));
    if (Number.isNaN(clock.at_ms)) return;
    this.time.textContent = formatClock(clock.at_ms);
    this.time.title = formatUtc(clock.at_ms);
    this.day.textContent = formatDate(clock.at_ms);
    if (document.activeElement !== this.field && !this.isTyped) this.field.value = toField(clock.at_ms);
  }

  /** @param {boolean} isSelecting @param {import("./time-scale.js").Range | null} range */
  showSelection(isSelecting, range) {
    this.selecting.setAttribute("aria-pressed", String(isSelecting));
    this.hold.disabled = !range;
  }
}

function group(...children) {
  return element("div", { class: "transport-group" }, ...children);
}
