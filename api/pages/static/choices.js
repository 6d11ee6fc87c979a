/** Closed lists that people choose from: why somebody looks back, why footage is kept, why it goes early. The codes are the API's. */

import { t } from "./i18n.js";

/** @returns {{value: string, text: string, needsCase: boolean, needsText: boolean}[]} */
export function purposes() {
  return [
    { value: "incident", text: t("Follow-up of an incident"), needsCase: false, needsText: false },
    { value: "case", text: t("Investigation of an offence"), needsCase: true, needsText: false },
    { value: "order", text: t("Order of the public prosecutor"), needsCase: true, needsText: false },
    { value: "check", text: t("Check of picture and blanking"), needsCase: false, needsText: true },
  ];
}

/** @type {Record<string, () => string>} */
const OTHER_PURPOSES = {
  "public-order": () => t("Watching over public order"),
  blanking: () => t("Drawing masks"),
};

/** @param {string} code @returns {string} a purpose in words; also those that nobody chooses: watching live, drawing masks */
export function purposeName(code) {
  return purposes().find(({ value }) => value === code)?.text ?? OTHER_PURPOSES[code]?.() ?? code;
}

/** @returns {{value: string, text: string}[]} */
export function grounds() {
  return [
    { value: "investigation", text: t("Investigation of an offence") },
    { value: "prosecutor", text: t("Order of the public prosecutor") },
  ];
}

/** @param {string} code @returns {string} a hold's ground in words; also the one that nobody chooses any more */
export function groundName(code) {
  if (code === "complaint") return t("Complaint about the police (no ground any more)");
  return grounds().find(({ value }) => value === code)?.text ?? code ?? "";
}

/** @returns {{value: string, text: string}[]} */
export function erasureGrounds() {
  return [
    { value: "unlawful-recording", text: t("Recorded unlawfully") },
    { value: "order-of-controller", text: t("Order of the controller") },
    { value: "order-of-court", text: t("Order of the court") },
    { value: "order-of-authority", text: t("Order of the data protection authority") },
    { value: "objection-upheld", text: t("Objection upheld") },
  ];
}
