/** What a hold is: which of its case, which cameras and period, on what ground and why, by whom and when. The same wherever it is decided about. */

import { groundName } from "./choices.js";
import { formatSpan, formatStamp, isoInstant, MINUTE_MS, parseInstant } from "./civil-time.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";

/** @param {{case_number: string, number_in_case: number}} hold */
export function holdMark({ case_number: caseNumber, number_in_case: number }) {
  return element("span", {}, element("strong", { class: "mono nowrap" }, caseNumber), " ", element("span", { class: "muted small nowrap" }, t("hold {number}", { number })));
}

/** One camera a line: a name may have a comma in it. @param {string[]} ids @param {any[]} placements */
export function cameraLines(ids, placements) {
  return (ids ?? []).map((id) => element("span", { class: "line" }, placements.find((placement) => placement.id === id)?.name ?? id));
}

/** @param {{start_at: string, end_at: string}} hold begin, end and length */
export function periodLines({ start_at: start, end_at: end }) {
  const [start_ms, end_ms] = [parseInstant(start), parseInstant(end)];
  return [element("span", { class: "line nowrap" }, `${formatStamp(start_ms)} –`), element("span", { class: "line nowrap" }, formatStamp(end_ms)),
    element("span", { class: "muted small line" }, t("{span} long", { span: formatSpan(end_ms - start_ms) }))];
}

/**
 * @param {any} hold as the API gives it
 * @param {any[]} placements
 * @param {{by: {name: string}, at: string}} held who asked for the hold, and when
 */
export function holdFacts(hold, placements, held) {
  const facts = [
    [t("Hold"), [holdMark(hold)]], [t("Cameras"), cameraLines(hold.placement_ids, placements)], [t("Period"), periodLines(hold)],
    [t("Ground"), [groundName(hold.ground)]], [t("Reason"), [hold.reason]],
    [t("Secured by"), [held.by.name, element("span", { class: "muted small line" }, formatStamp(parseInstant(held.at)))]],
  ];
  return element("dl", { class: "facts" }, ...facts.flatMap(([name, content]) => [element("dt", {}, name), element("dd", {}, ...content)]));
}

/** Whole minutes go along: a recording is kept and signed by the minute. @param {{start_at: string, end_at: string}} hold */
export function wholeMinutes({ start_at: start, end_at: end }) {
  const [from_ms, to_ms] = [parseInstant(start) - MINUTE_MS, parseInstant(end) + MINUTE_MS];
  return element("p", { class: "muted small" }, t("Recordings are kept and signed by the minute. The folder original/ of the package holds every whole minute that the period touches: possibly from {from} to {to}.", { from: formatStamp(from_ms), to: formatStamp(to_ms) }));
}

/** @param {any} hold @returns {string} the address at which its footage is looked at */
export function footageAddress(hold) {
  const query = new URLSearchParams(hold.placement_ids.slice(0, 4).map((id) => ["camera", id]));
  query.set("at", isoInstant(parseInstant(hold.start_at)));
  query.set("case", hold.case_number);
  return `/playback?${query}`;
}
