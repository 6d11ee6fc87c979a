/** The cameras and the span that a form is about: holds and early erasure ask for them alike. */

import { fromField, toField } from "./civil-time.js";
import { FieldError, labelled, timeField } from "./dialog.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";

/** @param {any[]} placements all that may be chosen @param {string[]} chosen their ids @param {number} from_ms @param {number} to_ms */
export function spanFields(placements, chosen, from_ms, to_ms) {
  return [
    element("fieldset", {}, element("legend", {}, t("Cameras")), element("div", { class: "check-list" }, ...placements.map(({ id, name, area }) => element("label", { class: "check" },
      element("input", { type: "checkbox", name: "placement_ids", value: id, checked: chosen.includes(id) }), element("span", {}, name, " ", element("span", { class: "muted small" }, area.name)))))),
    element("div", { class: "two" },
      labelled(t("From"), timeField("from", toField(from_ms), "time")),
      labelled(t("To"), timeField("to", toField(to_ms), "time"))),
  ];
}

/**
 * @param {FormData} data @param {HTMLFormElement} form @param {number} now_ms for the example
 * @returns {{placementIds: string[], from_ms: number, to_ms: number}}
 */
export function readSpan(data, form, now_ms) {
  const placementIds = data.getAll("placement_ids").map(String);
  if (!placementIds.length) throw new FieldError(form, "placement_ids", t("Choose at least one camera."));
  const from_ms = fromField(String(data.get("from")), now_ms);
  const to_ms = fromField(String(data.get("to")), now_ms);
  if (Number.isNaN(from_ms)) throw new FieldError(form, "from", t("Fill in from when, for example {example}.", { example: toField(now_ms) }));
  if (Number.isNaN(to_ms)) throw new FieldError(form, "to", t("Fill in until when, for example {example}.", { example: toField(now_ms) }));
  if (to_ms <= from_ms) throw new FieldError(form, "to", t("The end must be after the start. Correct the times."));
  return { placementIds, from_ms, to_ms };
}
