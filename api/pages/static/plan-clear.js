/** "No dwelling in sight": the statement of two persons that a fixed camera needs no mask, and the day by which they look again. */

import { request, serverNow_ms } from "./api.js";
import { DAY_MS, formatDate, fromField, HOUR_MS, isoInstant, parseInstant, toDayField } from "./civil-time.js";
import { chip } from "./data-table.js";
import { askForm, FieldError, labelled, timeField } from "./dialog.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";
import { address } from "./plans-list.js";

const MOST_DAYS = 364;
const NOTICE_MS = 28 * DAY_MS;
const NOON_MS = 12 * HOUR_MS;

/** @param {any} camera @param {Set<string>} allowed */
export function mayDeclare(camera, allowed) {
  return camera.camera.kind === "fixed" && allowed.has("plan.draft");
}

/** @param {{look_again_at: string | null, state: string}} version @returns {HTMLElement | null} */
export function lookAgain({ look_again_at: at, state }) {
  if (!at) return null;
  const at_ms = parseInstant(at);
  const left_ms = at_ms - serverNow_ms();
  const text = t("look again by {day}", { day: formatDate(at_ms) });
  if (state !== "approved" || left_ms > NOTICE_MS) return element("span", { class: "muted small line" }, text);
  return element("span", { class: "line" }, chip(left_ms > 0 ? "warn" : "bad", text));
}

/** @param {any} camera @param {any | undefined} counting the plan that counts */
export async function declareClear(camera, counting) {
  const latest_ms = serverNow_ms() + MOST_DAYS * DAY_MS;
  const made = await askForm({
    title: t("No dwelling in sight"),
    lead: t("Nothing of this camera's picture is masked any more, once a second person has approved it. Say so only of a place where no window, balcony or garden of a dwelling can be seen, at any time of the year."),
    fields: [
      labelled(t("Why no dwelling can be seen"), element("textarea", { name: "reason", maxLength: 2000 })),
      labelled(t("Look again by"), timeField("again", toDayField(latest_ms), "day"), t("Within a year. A notice comes four weeks ahead.")),
    ],
    submitText: t("Save as a draft"),
    submit: (data, form) => {
      const again_ms = fromField(String(data.get("again")), serverNow_ms()) + NOON_MS;
      if (!(again_ms > serverNow_ms() && again_ms <= latest_ms + DAY_MS)) throw new FieldError(form, "again", t("Fill in a day within a year, for example {example}.", { example: toDayField(latest_ms) }));
      return request("POST", `/api/placements/${encodeURIComponent(camera.id)}/plans`, { no_dwelling_in_sight: true, reason: String(data.get("reason")), look_again_at: isoInstant(again_ms) });
    },
  });
  if (made) location.assign(`${address(camera.id)}&compare=${counting?.version ?? 0}-${made.version}`);
}
