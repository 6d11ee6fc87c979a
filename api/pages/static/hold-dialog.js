/** Secure footage: the form, and the result in plain words. */

import { request } from "./api.js";
import { grounds } from "./choices.js";
import { DAY_MS, formatStamp, fromField, HOUR_MS, isoInstant, parseInstant, toDayField } from "./civil-time.js";
import { askForm, FieldError, labelled, select, showDialog, timeField } from "./dialog.js";
import { element } from "./dom.js";
import { t, tn } from "./i18n.js";
import { CASE_EXAMPLE, checkCaseNumber, tidyCaseNumber } from "./purpose-dialog.js";
import { readSpan, spanFields } from "./span-fields.js";

const REVIEW_AFTER_DAYS = 28;
const NOON_MS = 12 * HOUR_MS;

/**
 * @param {any[]} placements all that may be chosen
 * @param {{placementIds: string[], from_ms: number, to_ms: number, caseNumber?: string, now_ms: number}} start
 * @returns {Promise<any>} what the server answered, or null
 */
export async function placeHold(placements, start) {
  const requestId = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const answer = await askForm({
    title: t("Secure footage"),
    lead: t("What you secure is kept until somebody releases it. Everything else is erased after 28 days at most."),
    fields: fields(placements, start),
    submitText: t("Secure"),
    submit: (data, form) => request("POST", "/api/holds", { request_id: requestId, ...readForm(data, form, start.now_ms) }),
  });
  if (answer) showResult(answer);
  return answer;
}

function fields(placements, { placementIds, from_ms, to_ms, caseNumber, now_ms }) {
  return [
    element("div", { class: "two" },
      labelled(t("Case number"), element("input", { name: "case_number", value: caseNumber ?? "", placeholder: CASE_EXAMPLE, autocomplete: "off", spellcheck: false }), t("PL, unit, year, number")),
      labelled(t("Ground"), select("ground", grounds()))),
    labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }), t("What is suspected, and why this footage is needed. No names.")),
    ...spanFields(placements, placementIds, from_ms, to_ms),
    labelled(t("Review on"), timeField("review_on", toDayField(now_ms + REVIEW_AFTER_DAYS * DAY_MS), "day"), t("On this day somebody decides whether it is still needed.")),
  ];
}

function readForm(data, form, now_ms) {
  const caseNumber = tidyCaseNumber(data.get("case_number"));
  checkCaseNumber(form, "case_number", caseNumber);
  const reason = String(data.get("reason")).trim();
  if (!reason) throw new FieldError(form, "reason", t("Say why this footage is needed."));
  const { placementIds, from_ms, to_ms } = readSpan(data, form, now_ms);
  const review_ms = fromField(String(data.get("review_on")), now_ms);
  if (Number.isNaN(review_ms)) throw new FieldError(form, "review_on", t("Fill in when this is reviewed, for example {example}.", { example: toDayField(now_ms + REVIEW_AFTER_DAYS * DAY_MS) }));
  return {
    case_number: caseNumber, ground: String(data.get("ground")), reason, placement_ids: placementIds,
    from: isoInstant(from_ms), to: isoInstant(to_ms), review_on: isoInstant(review_ms + NOON_MS),
  };
}

function showResult({ hold, outcome, segments, future }) {
  const lines = [];
  if (outcome === "accepted") lines.push(t("All footage of this span is secured."));
  if (outcome === "partly") lines.push(t("A part of the footage is secured. The rest had already been erased."));
  if (outcome === "too-late") lines.push(t("Nothing could be secured: the footage of this span had already been erased."));
  if (segments.accepted) lines.push(tn(segments.accepted, "{count} recording of at most a minute is kept whole.", "{count} recordings of at most a minute each are kept whole."));
  if (segments.too_late) lines.push(tn(segments.too_late, "{count} recording was erased already.", "{count} recordings were erased already."));
  if (future) lines.push(t("What is still to be recorded in this span will be secured as it comes."));
  showDialog(
    outcome === "too-late" ? t("Too late") : outcome === "partly" ? t("Partly secured") : t("Secured"),
    element("p", {}, element("strong", {}, hold.case_number), ` · ${formatStamp(parseInstant(hold.start_at))} – ${formatStamp(parseInstant(hold.end_at))}`),
    ...lines.map((line) => element("p", {}, line)),
  );
}
