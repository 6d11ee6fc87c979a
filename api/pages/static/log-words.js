/** Entries of the log as people say them: who, and about what. The fields as they are stand in the details. */

import { formatClock, formatDate, formatStamp, HOUR_MS, parseInstant, startOfDay } from "./civil-time.js";
import { t, tn } from "./i18n.js";
import { gapCause } from "./reasons.js";

/** @type {Record<string, () => string>} */
const SERVICES = {
  ingest: () => t("Recording"),
  retention: () => t("Retention"),
  api: () => t("System"),
  "export-builder": () => t("Export workshop"),
  "command-line": () => t("Command line"),
  selftest: () => t("Self-test"),
};

/** @type {Record<string, () => string>} */
const ROLES = {
  observer: () => t("operator"),
  director: () => t("director"),
  investigator: () => t("investigator"),
  "blanking-officer": () => t("blanking officer"),
  technician: () => t("technician"),
  "policy-officer": () => t("policy officer"),
  auditor: () => t("auditor"),
  "identity-admin": () => t("account administrator"),
};

/** @param {string | null} role @returns {string} under which role somebody acted, in words */
export function roleName(role) {
  return role ? ROLES[role]?.() ?? role : "";
}

/** @param {{id: string, name: string, kind: string}} actor */
export function actorName({ id, name, kind }) {
  return kind === "service" ? SERVICES[id]?.() ?? name ?? id : name || id;
}

/**
 * @param {Record<string, any>} object of an entry
 * @param {Map<string, string>} placementNames
 * @returns {string} what it was about, short
 */
export function objectSummary(object, placementNames) {
  const ids = object.placement_id ? [object.placement_id] : object.placement_ids ?? [];
  const parts = [
    ids.map((id) => placementNames.get(id) ?? id).join(", "),
    object.case_number,
    spanText(object),
    object.hour ? t("hour {hour}", { hour: `${formatDate(parseInstant(object.hour))} ${formatClock(parseInstant(object.hour)).slice(0, 5)}` }) : "",
    Number.isInteger(object.number) ? t("segment {number}", { number: object.number }) : "",
    segmentCount(object.segments),
    object.preset ? t("preset {name}", { name: object.preset }) : "",
    object.cause ? gapCause(object.cause) : "",
    object.role ?? object.action ?? object.process ?? object.program ?? "",
    object.user && !ids.length ? String(object.user) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

function spanText({ from, to }) {
  if (!from) return "";
  const from_ms = parseInstant(from);
  if (!to) return t("from {time}", { time: formatStamp(from_ms) });
  const to_ms = parseInstant(to);
  const isOneDay = to_ms - startOfDay(from_ms) < 24 * HOUR_MS;
  return `${formatStamp(from_ms)} – ${isOneDay ? formatClock(to_ms) : formatStamp(to_ms)}`;
}

/** @param {any} segments ranges `[[1, 60], [70, 75]]`, or the same by placement */
function segmentCount(segments) {
  if (!segments) return "";
  const ranges = Array.isArray(segments) ? segments : Object.values(segments).flat();
  const count = ranges.reduce((sum, range) => sum + (Array.isArray(range) ? range[1] - range[0] + 1 : 0), 0);
  return count > 0 ? tn(count, "{count} segment", "{count} segments") : "";
}
