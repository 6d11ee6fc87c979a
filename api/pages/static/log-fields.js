/** The fields of a log entry in the reader's language: names, and values that are instants, codes, persons or cameras. */

import { groundName } from "./choices.js";
import { formatStamp, parseInstant } from "./civil-time.js";
import { currentLanguage, listed, t } from "./i18n.js";
import { roleName } from "./log-words.js";
import { gapCause } from "./reasons.js";

/** @type {Record<string, () => string>} */
const FIELDS = {
  placement_id: () => t("Camera"),
  placement: () => t("Camera"),
  placement_ids: () => t("Cameras"),
  placements: () => t("Cameras"),
  camera: () => t("Camera (device)"),
  cameras: () => t("Cameras"),
  hold_id: () => t("Hold"),
  hold: () => t("Hold"),
  export_id: () => t("Export"),
  view: () => t("View"),
  session: () => t("Session"),
  user: () => t("Person"),
  by: () => t("By"),
  role: () => t("Role"),
  level: () => t("Assurance"),
  action: () => t("Action"),
  what: () => t("What"),
  from: () => t("From"),
  to: () => t("To"),
  start_at: () => t("From"),
  end_at: () => t("To"),
  opened: () => t("Opened"),
  closed: () => t("Closed"),
  started: () => t("Began"),
  started_at: () => t("Began"),
  kind: () => t("Kind"),
  commands: () => t("Commands"),
  state: () => t("State"),
  number: () => t("Number"),
  segments: () => t("Segments"),
  segment: () => t("Segment"),
  entries: () => t("Entries"),
  size: () => t("Entries in the log"),
  size_bytes: () => t("Size in bytes"),
  sha256: () => t("SHA-256"),
  root: () => t("Root"),
  version: () => t("Version"),
  plan_version: () => t("Version of the plan"),
  replaces: () => t("Replaces version"),
  loosens: () => t("Masks less"),
  look_again_at: () => t("Look again by"),
  designation: () => t("Designation"),
  area: () => t("Area"),
  name: () => t("Name"),
  moved_to: () => t("Moved to"),
  until: () => t("Until"),
  password_until: () => t("First password works until"),
  until_at: () => t("Until"),
  cause: () => t("Cause"),
  reason: () => t("Reason"),
  ground: () => t("Ground"),
  case_number: () => t("Case number"),
  origin: () => t("Origin"),
  minutes: () => t("Minutes"),
  erased: () => t("Erased"),
  lost: () => t("Lost"),
  late: () => t("Late"),
  too_late: () => t("Too late"),
  hour: () => t("Hour"),
  hours: () => t("Hours"),
  doubts: () => t("Doubts"),
  preset: () => t("Preset"),
  thorough: () => t("Thorough"),
  check: () => t("Check only"),
  process: () => t("Process"),
  program: () => t("Program"),
  message: () => t("Message"),
  seed: () => t("Seed"),
  sample: () => t("Sample"),
  population: () => t("Population"),
  findings: () => t("Findings"),
  month: () => t("Month"),
  result: () => t("Result"),
  language: () => t("Language"),
  was: () => t("Before"),
  changed: () => t("Changed"),
  basis: () => t("Legal basis"),
  document: () => t("Document"),
  mask: () => t("Mask"),
  review_id: () => t("Review"),
  review_on: () => t("Review on"),
  error: () => t("Error"),
  code: () => t("Code"),
  outcome: () => t("Outcome"),
  held: () => t("Held"),
  erasable: () => t("To be erased"),
  verdict: () => t("Judgement"),
  plan: () => t("Plan"),
  grey: () => t("Grey"),
  settings_sha256: () => t("SHA-256 of the settings"),
  policy_sha256: () => t("SHA-256 of the policy"),
  ip: () => t("Network address"),
  ws: () => t("Workstation"),
  app: () => t("Program"),
  pan_permille: () => t("Pan (per mille)"),
  tilt_permille: () => t("Tilt (per mille)"),
  zoom_permille: () => t("Zoom (per mille)"),
  oldest_at: () => t("Oldest"),
  recipients: () => t("Receivers"),
  scope: () => t("Scope"),
};

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** @type {Record<string, () => string>} what of an account was changed */
const WHATS = {
  password: () => t("first password, set by somebody else"),
  "own-password": () => t("own password"),
  unlock: () => t("lock lifted"),
  language: () => t("language"),
};

/** @type {Record<string, (value: string) => string>} */
const CODES = {
  role: roleName,
  cause: gapCause,
  ground: (value) => groundName(value),
  what: (value) => WHATS[value]?.() ?? value,
};

/** @param {string} name @returns {string} in words; one that is not known as it stands in the log */
export function fieldName(name) {
  return FIELDS[name]?.() ?? name;
}

/**
 * @param {string} name
 * @param {any} value neither null nor empty
 * @param {{people: Record<string, string>, placements: Map<string, string>}} known names for ids
 * @returns {string}
 */
export function fieldValue(name, value, known) {
  if (Array.isArray(value)) return listed(value.filter(isSaid).map((item) => fieldValue(name, item, known)));
  if (typeof value === "object") return Object.entries(value).filter(([, inner]) => isSaid(inner)).map(([inner, one]) => `${fieldName(inner)}: ${fieldValue(inner, one, known)}`).join("; ");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "number") return value.toLocaleString(currentLanguage());
  const text = String(value);
  if (known.people[text]) return `${known.people[text]} (${text})`;
  if (known.placements.has(text)) return `${known.placements.get(text)} (${text})`;
  if (INSTANT.test(text)) return formatStamp(parseInstant(text));
  return CODES[name]?.(text) ?? text;
}

/** @param {any} value @returns {boolean} whether there is anything to show: nobody reads "null" */
export function isSaid(value) {
  return value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length);
}
