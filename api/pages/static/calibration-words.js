/** What a calibration's phases, verdicts and findings are called. */

import { chip } from "./data-table.js";
import { t } from "./i18n.js";

/** @type {Record<string, () => string>} */
const PHASES = {
  "first-look": () => t("Looking for a view with detail"),
  grid: () => t("Looking around at the widest view"),
  zoom: () => t("Zooming in step by step"),
  checks: () => t("Checking at other poses"),
  speed: () => t("Measuring the speed of each axis"),
  timing: () => t("Measuring how far the position trails the picture"),
  solving: () => t("Calculating"),
  "going-back": () => t("Going back to where the camera stood"),
};

/** @type {Record<string, [string, () => string, () => string]>} */
const VERDICTS = {
  good: ["ok", () => t("good"), () => t("Masks drawn with this calibration need only a narrow margin.")],
  usable: ["warn", () => t("usable"), () => t("Masks drawn with this calibration are safe, with a wider margin: more of the street is grey.")],
  poor: ["bad", () => t("poor"), () => t("Too rough: calibrate again by day, with a view that has detail.")],
};

/** @type {Record<string, () => string>} */
const FINDINGS = {
  "zoom-not-whole": () => t("The farthest zoom could not be measured; there the picture stays grey."),
  "few-checks": () => t("Few poses could be checked."),
  "directions-rough": () => t("The directions are rough."),
  "scale-rough": () => t("The scale is rough."),
  "register-stale": () => t("The camera tells its position late; moving pictures get wide margins."),
};

/** @param {string} phase */
export function phaseText(phase) {
  return PHASES[phase]?.() ?? phase;
}

/** @param {string} verdict */
export function verdictChip(verdict) {
  const [kind, name] = VERDICTS[verdict] ?? ["quiet", () => verdict];
  return chip(kind, name());
}

/** @param {string} verdict */
export function verdictText(verdict) {
  return VERDICTS[verdict]?.[2]() ?? "";
}

/** @param {string} code */
export function findingText(code) {
  return FINDINGS[code]?.() ?? code;
}
