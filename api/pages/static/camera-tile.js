/**
 * <camera-tile>: caption, live picture, and what is to be said about it. Set `placement` before adding it, and `report` whenever
 * the server's list of placements comes.
 */

import { parseInstant, formatClock } from "./civil-time.js";
import { controlText } from "./control-words.js";
import { element, icon } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import "./live-player.js";
import { notice } from "./notices.js";
import { gapCause, greyReason, notRecorded } from "./reasons.js";

const AGE_STEP_MS = 500;
const OLD_MS = 1000;
const SHOWS_AGE = new Set(["live", "thin", "grey"]);

/** Why nothing may be recorded or shown, as the list of placements says it. */
const OUTSIDE_LAW = new Set(["no-decision", "designation-not-begun", "designation-ended", "designation-withdrawn", "placement-not-begun", "placement-ended"]);

export class CameraTile extends HTMLElement {
  constructor() {
    super();
    /** @type {any} an entry of GET /api/placements */
    this.placement = null;
    this.number = 0;
    this.told_ms = 0;
    /** Who has the camera, or null. @type {import("./control-words.js").Control | null} */
    this.control = null;
  }

  connectedCallback() {
    const { id, name, area } = this.placement;
    this.tabIndex = 0;
    this.setAttribute("role", "group");
    this.dataset.placement = id;
    this.badge = element("span", { class: "tile-badge" });
    this.age = element("span", { class: "tile-age" });
    this.unblanked = element("span", { class: "tile-unblanked", hidden: true, title: t("Somebody may see this camera unblanked, to draw masks; you don't.") }, t("View for drawing masks open"));
    this.steered = element("span", { class: "tile-steered", hidden: true });
    this.shade = element("div", { class: "tile-shade" });
    this.layer = element("div", { class: "tile-layer" });
    this.player = element("live-player", { placement: id });
    this.player.addEventListener("condition", (event) => this.#show(event.detail));
    this.player.addEventListener("told", (event) => this.#tell(event.detail));
    this.append(
      element("div", { class: "tile-caption" },
        this.number ? element("span", { class: "tile-number", "aria-hidden": "true" }, String(this.number)) : null,
        element("span", { class: "tile-name" }, name), element("span", { class: "tile-area" }, area.name),
        element("span", { class: "tile-side" }, this.unblanked, this.steered, this.age, this.badge)),
      element("div", { class: "tile-picture" }, this.player, this.shade, this.layer),
    );
    this.unblanked.hidden = !this.placement.commissioning;
  }

  disconnectedCallback() {
    this.replaceChildren();
  }

  /** @param {any} placement a newer entry of GET /api/placements */
  report(placement) {
    this.placement = placement;
    if (this.unblanked) this.unblanked.hidden = !placement.commissioning;
    if (this.player) this.#show(this.player.condition);
  }

  /** What the server tells besides the picture: who has the camera; that somebody calibrates it. */
  #tell({ control, measuring }) {
    if (control !== undefined) {
      this.control = control;
      this.steered.hidden = !control;
      this.steered.textContent = control ? (control.is_own ? t("You steer") : t("{name} steers", { name: control.name })) : "";
      this.steered.title = control ? controlText(control) : "";
    }
    if (measuring) {
      const values = { name: measuring.by, camera: this.placement.name };
      notice(measuring.what === "check" ? t("{name} has {camera} checked: its picture is grey for some seconds.", values) : t("{name} has {camera} calibrated: its picture is grey meanwhile.", values));
    }
  }

  /** @returns {{kind: string, badge: string, title: string, text: string}} what is to be said, worst first */
  #verdict(condition) {
    const { live, since_at, reason } = this.placement.state;
    const isAway = condition.link === "lost" || condition.link === "connecting";
    if (condition.link === "denied") return said("away", t("Closed"), t("Live is closed for you"), t("Your role or the viewing times do not allow it now."));
    if (condition.link === "unknown") return said("away", t("Gone"), t("This camera is no longer here"), t("Reload the page."));
    if (condition.unplayable) return said("away", t("No picture"), t("This browser can't play the video"), condition.unplayable);
    // Where no decision allows pictures the server closes each connection: that is no fault of the network.
    if (live === "offline" && OUTSIDE_LAW.has(reason)) return said("offline", t("Offline"), t("Offline"), gapCause(reason));
    if (condition.link === "lost") return said("away", t("Reconnecting"), t("Connection with the server lost"), t("Trying again by itself."));
    if (live === "offline" && condition.isStale) {
      const since = since_at ? t("Offline since {time}", { time: formatClock(parseInstant(since_at)) }) : t("Offline");
      return said("offline", t("Offline"), since, gapCause(reason));
    }
    if (!condition.hasPicture) return said("waiting", isAway ? t("Connecting") : t("Starting"), "", t("Waiting for the first picture"));
    if (condition.isStale) return said("stale", t("Stands still"), t("The picture stands still"), t("Last picture {seconds} s ago", { seconds: formatNumber(condition.still_ms / 1000) }));
    if ((condition.state || live) === "grey") return said("grey", t("Blanked"), t("Picture blanked"), greyReason(condition.reason || reason));
    const missing = notRecorded(this.placement.state.recording);
    if (missing) return said("thin", t("Not recorded"), missing, "");
    const { fps, usual_fps, slow_since_at } = this.placement.state;
    if (slow_since_at) {
      const pace = t("{fps} of {usual} pictures a second", { fps: formatNumber(fps ?? 0, 1), usual: formatNumber(usual_fps ?? 0) });
      return said("thin", t("Slow"), pace, "");
    }
    if (condition.shedding) return said("thin", t("Fewer pictures"), "", "");
    return said("live", t("Live"), "", "");
  }

  #show(condition) {
    const verdict = this.#verdict(condition);
    if (this.dataset.kind !== verdict.kind || this.text !== verdict.text + verdict.title) {
      this.dataset.kind = verdict.kind;
      this.text = verdict.text + verdict.title;
      this.badge.textContent = verdict.badge;
      this.badge.title = verdict.title || verdict.badge;
      const mark = { offline: "no-signal", away: "alert", stale: "alert", grey: "shade" }[verdict.kind];
      this.shade.replaceChildren(...(verdict.text ? [
        ...(mark ? [icon(mark)] : []),
        ...(verdict.title ? [element("strong", {}, verdict.title)] : []),
        element("span", {}, verdict.text),
      ] : []));
      const { name, area } = this.placement;
      this.setAttribute("aria-label", [this.number ? `${this.number}: ${name}` : name, area.name, verdict.title || verdict.badge].join(", "));
    }
    this.#showAge(condition, verdict.kind);
  }

  /** The age in steps that an eye can read; it only shows where a picture runs. */
  #showAge(condition, kind) {
    const now_ms = performance.now();
    if (now_ms - this.told_ms < AGE_STEP_MS && kind === "live") return;
    this.told_ms = now_ms;
    const isShown = SHOWS_AGE.has(kind) && condition.age_ms !== null;
    this.age.textContent = isShown ? t("{seconds} s", { seconds: formatNumber(condition.age_ms / 1000, 1) }) : "";
    this.age.title = t("Age of the picture: from the camera to this screen");
    this.age.classList.toggle("is-old", isShown && condition.age_ms > OLD_MS);
  }
}

function said(kind, badge, title, text) {
  return { kind, badge, title, text };
}

customElements.define("camera-tile", CameraTile);
