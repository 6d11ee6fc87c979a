/** Entries of the log as people say them: who, and about what. The fields as they are stand in the details. */

import { formatClock, formatDate, formatStamp, HOUR_MS, parseInstant, startOfDay } from "./civil-time.js";
import { listed, t, tn } from "./i18n.js";
import { gapCause } from "./reasons.js";

/** @type {Record<string, () => string>} */
const SERVICES = {
  ingest: () => t("Recording"),
  retention: () => t("Erasing service"),
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

/** @type {Record<string, () => string>} why something ended or was refused, where the log keeps a code */
const WHYS = {
  idle: () => t("nobody did anything for too long"),
  "too-long": () => t("the session reached its longest time"),
  "account-closed": () => t("the account was closed"),
  left: () => t("whoever watched left"),
  "session-over": () => t("the session was over"),
  "no-longer-allowed": () => t("it was no longer allowed"),
  "permit-over": () => t("no decision of the mayor allowed it any more"),
  "server-stopped": () => t("the server was stopped"),
  "server-died": () => t("the server failed"),
  unavailable: () => t("a part of the system did not answer"),
  "wrong-password": () => t("wrong password"),
  "unknown-name": () => t("unknown user name"),
  closed: () => t("closed account"),
  "first-password": () => t("no own password chosen yet"),
  "first-password-used": () => t("first password used already"),
  "first-password-over": () => t("first password too old"),
  locked: () => t("too many attempts"),
  "password.same": () => t("the same as before"),
  "password.weak": () => t("too short or too simple"),
  "password.characters": () => t("characters that nobody types"),
  "password.name": () => t("too much of the own name"),
  "password.common": () => t("used by many people"),
};

/** @param {string | null} why @returns {string | null} a code in words; what somebody wrote as it is */
export function whyText(why) {
  return why ? WHYS[why]?.() ?? why : why;
}

/** Acts that the system only notes: whom they happened to stands in the object. */
const HAPPENED_TO = new Set(["auth.expired"]);

/** @param {any} entry @returns {{id: string, name: string, kind: string}} who the sentence is about */
export function subjectOf({ act, actor, object, people }) {
  if (!HAPPENED_TO.has(act) || !object?.user) return actor;
  return { id: object.user, name: people?.[object.user] ?? object.user, kind: "person" };
}

/** @param {{id: string, name: string, kind: string}} actor */
export function actorName({ id, name, kind }) {
  return kind === "service" ? SERVICES[id]?.() ?? name ?? id : name || id;
}

/**
 * @param {any} entry
 * @param {Map<string, string>} placementNames
 * @param {string} actor id of who acted: needs no second naming
 * @returns {string} what it was about, short
 */
export function objectSummary({ act, object: found, people = {}, why }, placementNames, actor = "") {
  const object = found ?? {};
  const ids = object.placement_id ? [object.placement_id] : object.placement_ids ?? [];
  const parts = [
    listed(ids.map((id) => placementNames.get(id) ?? id)),
    object.case_number,
    spanText(object),
    object.hour ? t("hour {hour}", { hour: `${formatDate(parseInstant(object.hour))} ${formatClock(parseInstant(object.hour)).slice(0, 5)}` }) : "",
    Number.isInteger(object.number) ? t("segment {number}", { number: object.number }) : "",
    segmentCount(object.segments),
    object.preset ? t("preset {name}", { name: object.preset }) : "",
    HAPPENED_TO.has(act) ? whyText(why) : "",
    object.cause ? gapCause(object.cause) : "",
    object.role ? roleName(object.role) : object.action ?? object.process ?? object.program ?? "",
    object.user && !ids.length && object.user !== actor ? people[object.user] ?? String(object.user) : "",
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
