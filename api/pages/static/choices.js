/** Closed lists that people choose from: why somebody looks back, why footage is kept. The codes are the API's. */

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

/** @returns {{value: string, text: string}[]} */
export function grounds() {
  return [
    { value: "investigation", text: t("Investigation of an offence") },
    { value: "prosecutor", text: t("Order of the public prosecutor") },
    { value: "complaint", text: t("Complaint about the police") },
  ];
}
