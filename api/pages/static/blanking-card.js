/** How the minute under the playhead was blanked: plan, margin, grey and why, and whether the ledger has it so. */

import { request } from "./api.js";
import { formatClock, formatSpan } from "./civil-time.js";
import { element } from "./dom.js";
import { t, tn } from "./i18n.js";
import { greyReason } from "./reasons.js";

const REST_MS = 700;
const GREY_MOST = 4;

/** @type {Record<string, () => string>} */
const SOURCES = {
  fixed: () => t("fixed camera"),
  interpolated: () => t("between two positions"),
  extrapolated: () => t("beyond the last position"),
  static: () => t("picture stood still"),
  anchored: () => t("followed in the picture"),
};

/** @type {Record<string, () => string>} */
const TELEMETRY = {
  metadata: () => t("told by the camera's metadata stream"),
  polling: () => t("asked of the camera"),
  "metadata+polling": () => t("told by the stream and asked"),
};

/** @type {Record<string, () => string>} */
const PROOFS = {
  proven: () => t("as in the log"),
  pending: () => t("not in the log yet: it is written down after the hour"),
  changed: () => t("NOT as in the log: report this as an incident"),
};

export class BlankingCard {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.shown = "";
    /** @type {{placement: string, from_ms: number, to_ms: number} | null} */
    this.known = null;
    this.timer = 0;
  }

  /** Show the segment of a placement at an instant; asks only when that is another one, and not while the playhead runs over many. */
  follow(placement, at_ms) {
    if (!placement || Number.isNaN(at_ms)) return this.#hide();
    const known = this.known;
    if (known?.placement === placement && at_ms >= known.from_ms && at_ms < known.to_ms) return undefined;
    if (this.timer) return undefined;
    this.timer = setTimeout(() => this.#ask(placement, at_ms), REST_MS);
    return undefined;
  }

  async #ask(placement, at_ms) {
    try {
      const query = new URLSearchParams({ at: new Date(at_ms).toISOString() });
      const { segment } = await request("GET", `/api/placements/${encodeURIComponent(placement)}/blanking?${query}`);
      if (!segment) return this.#hide();
      this.known = { placement, from_ms: Date.parse(segment.start_at), to_ms: Date.parse(segment.end_at) };
      this.#show(segment);
    } catch {
      this.#hide(); // the timeline reports that the server is away
    } finally {
      this.timer = 0;
    }
    return undefined;
  }

  #hide() {
    this.known = null;
    this.place.hidden = true;
  }

  #show(segment) {
    this.place.hidden = false;
    this.place.dataset.proof = segment.proof.state;
    this.place.replaceChildren(element("h3", {}, t("Blanking of this minute")), element("dl", {}, ...facts(segment).flatMap(
      ([name, ...values]) => [element("dt", {}, name), ...values.map((value) => element("dd", {}, value))],
    )));
  }
}

/** @returns {[string, ...string[]][]} */
function facts(segment) {
  if (segment.mode === "copied") return [[t("Plan"), t("version {version}: no dwelling in sight", { version: segment.plan_version })], [t("Proof"), PROOFS[segment.proof.state]()]];
  const found = /** @type {[string, ...string[]][]} */ ([[t("Plan"), t("version {version}", { version: segment.plan_version })]]);
  if (segment.frames === null) return [...found, [t("Record"), t("lost when the recorder failed")]];
  found.push([t("Margin"), t("at most {px} pixels", { px: Math.ceil(segment.largest_margin_px) })]);
  const sources = segment.pose_sources.filter(([source]) => source in SOURCES).map(([source, count]) => pictures(SOURCES[source](), count));
  const telemetry = segment.telemetry.filter(([source]) => source in TELEMETRY).map(([source, count]) => pictures(TELEMETRY[source](), count));
  if (sources.length || telemetry.length) found.push([t("Position"), ...sources, ...telemetry]);
  const grey = greyLines(segment.grey);
  found.push([t("Wholly grey"), ...(grey.length ? grey : [t("never")])]);
  found.push([t("Proof"), PROOFS[segment.proof.state]()]);
  return found;
}

function pictures(what, count) {
  return tn(count, "{what}: {count} picture", "{what}: {count} pictures", { what });
}

/**
 * @param {{start_at: string, end_at: string, reason: string}[]} spans
 * @returns {string[]} few of them one by one, many by their reason
 */
export function greyLines(spans) {
  if (spans.length <= GREY_MOST) return spans.map(({ start_at, end_at, reason }) => `${clocks(start_at, end_at)} ${greyReason(reason)}`);
  /** @type {Map<string, number[]>} */
  const lengths_ms = new Map();
  for (const { start_at, end_at, reason } of spans) lengths_ms.set(reason, [...(lengths_ms.get(reason) ?? []), Date.parse(end_at) - Date.parse(start_at)]);
  return [...lengths_ms].map(([reason, all]) => tn(all.length, "{reason}: {count} time, {span}", "{reason}: {count} times, {span} together", {
    reason: greyReason(reason), span: formatSpan(all.reduce((sum, one) => sum + one, 0)),
  }));
}

function clocks(start_at, end_at) {
  const [from, to] = [formatClock(Date.parse(start_at)), formatClock(Date.parse(end_at))];
  return from === to ? from : `${from}–${to}`;
}
