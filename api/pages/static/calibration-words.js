/** What a calibration's phases, verdicts and findings are called. */

import { chip } from "./data-table.js";
import { t } from "./i18n.js";
import { gapCause } from "./reasons.js";

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

/** @type {Record<string, () => string>} */
const FAILURES = {
  "calibration.too-few-features": () => t("too little detail was recognised; calibrate by day"),
  "calibration.zoom-chain": () => t("the pictures lose each other when the camera zooms in; calibrate by day"),
  "calibration.unchecked": () => t("too little was recognised at other poses; calibrate by day"),
  "calibration.timing": () => t("the street was recognised too seldom while the camera moved; calibrate by day"),
  "calibration.film": () => t("the camera's pictures came too seldom while it moved; raise its frame rate"),
  "calibration.no-fit": () => t("no lens explains the pictures; switch off digital zoom, picture stabilisation and the camera's own masks"),
  "calibration.speed": () => t("the camera did not move, or tells its position too seldom"),
  "calibration.no-pictures": () => t("the camera sent no usable pictures"),
  "calibration.no-positions": () => t("the camera does not tell its position"),
  "calibration.not-there": () => t("the camera did not come to rest where it was sent; does it patrol by itself?"),
  "calibration.size": () => t("the picture changed its size"),
  "calibration.unrecognised": () => t("too little of the street was recognised; tried again tomorrow"),
  "calibration.error": () => t("an error in the program; call the technician"),
};

/** @param {string} code @param {string} [message] */
export function failureText(code, message) {
  return FAILURES[code]?.() ?? gapCause(code) ?? message ?? code;
}

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
