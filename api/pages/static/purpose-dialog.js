/** Why recordings are looked at: asked once per piece of work, before the first picture. */

import { purposes } from "./choices.js";
import { askForm, FieldError, labelled, select } from "./dialog.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";

export const CASE_EXAMPLE = "PL0900-2026-123456";
const CASE_NUMBER = /^PL\d{4}-\d{4}-\d{6,8}$/;

/** @param {FormDataEntryValue | null} text @returns {string} the case number in its standard form, or empty */
export function tidyCaseNumber(text) {
  return String(text || "").trim().toUpperCase();
}

/** @param {HTMLFormElement} form @param {string} name @param {string} caseNumber */
export function checkCaseNumber(form, name, caseNumber) {
  if (!CASE_NUMBER.test(caseNumber)) throw new FieldError(form, name, t("A case number looks like {example}. Correct the case number.", { example: CASE_EXAMPLE }));
}

/**
 * @param {import("./playback-source.js").Purpose | null} before
 * @returns {Promise<import("./playback-source.js").Purpose | null>}
 */
export function askPurpose(before) {
  const list = purposes();
  return askForm({
    title: t("Why do you look back?"),
    lead: t("The law asks for a purpose. It is written in the log with each recording that you open."),
    fields: [
      labelled(t("Purpose"), select("code", list, before?.code ?? list[0].value)),
      labelled(t("Case number"), element("input", { name: "case_number", value: before?.case_number ?? "", placeholder: CASE_EXAMPLE, autocomplete: "off", spellcheck: false }), t("Needed for an investigation or an order.")),
      labelled(t("Remark"), element("textarea", { name: "text", value: before?.text ?? "", maxLength: 500 }), t("Short; no names.")),
    ],
    submitText: t("Open recordings"),
    async submit(data, form) {
      const code = String(data.get("code"));
      const caseNumber = tidyCaseNumber(data.get("case_number"));
      const { needsCase, needsText } = list.find(({ value }) => value === code);
      if (caseNumber || needsCase) checkCaseNumber(form, "case_number", caseNumber);
      const text = String(data.get("text")).trim();
      if (needsText && !text) throw new FieldError(form, "text", t("Say what is checked."));
      return { code, ...(caseNumber ? { case_number: caseNumber } : {}), ...(text ? { text } : {}) };
    },
  });
}
