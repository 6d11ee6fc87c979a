/** Recording and erasing as the processes report them: what is wrong, last good sweep, oldest footage that nobody holds. */

import { formatStamp, lastDayField, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

const HOUR_S = 3600;

/** No doubt, but its end: the sweep that two persons' word stands for (`retention/override.py`). */
export const CONFIRMED = "confirmed-by-two-persons";

const NAMES = { ingest: () => t("Recording"), retention: () => t("Erasing") };

const PROBLEMS = {
  "never-reported": () => t("has never reported: not started?"),
  silent: () => t("reports no longer: stopped or stuck"),
  "worker-down": () => t("a camera is not served: its process restarts"),
  "recording-stopped": () => t("a camera is not being recorded"),
  "camera-away": () => t("a camera gives no pictures"),
  "camera-slow": () => t("a camera gives less than half of its usual pictures"),
  "camera-onvif": () => t("a moving camera does not say where it looks: see its remark"),
  grey: () => t("a camera has been wholly grey for minutes"),
  "storage-full": () => t("the footage volume is full: nothing is recorded"),
  "storage-low": () => t("the footage volume will be full within a day"),
  "off-plan": () => t("a camera is off its blanking plan: calibrate it again"),
  "camera-moved": () => t("a fixed camera was moved: it is grey until two persons have looked"),
  "camera-not-recognised": () => t("a fixed camera's view is not recognised: fog, dark, covered, or turned away"),
  "edge-recording": () => t("a camera records by itself, unblanked: switch that off and wipe its card"),
  "designation-ending": () => t("a designation ends soon, and recording with it"),
  "designation-ended": () => t("a designation has ended: nothing is recorded there"),
  "no-dwelling-due": () => t("two persons must look again whether a camera without masks has no dwelling in sight"),
  "sweep-stopped": () => t("erasing has stopped"),
  failed: () => t("a part of its work fails and is tried again"),
  late: () => t("footage is erased too late"),
  breach: () => t("footage is older than the law allows"),
  unreconciled: () => t("files and database did not agree"),
  "witness-away": () => t("the witness no longer signs the ledger: is it running, does it know this ledger?"),
  "ledger-contradicted": () => t("the ledger was changed, or an older copy was restored: see what `vms check` says"),
  "ledger-unchecked": () => t("the ledger was not checked whole for two days: no checkpoint is signed"),
  "checkpoint-missing": () => t("the checkpoint kept beside the keys is gone: compare with one from elsewhere, then `vms checkpoint --keep`"),
  "stamp-missing": () => t("no time stamp of the log's state for two days: does the authority answer?"),
  "stamp-refused": () => t("a time stamp of the log's state is not what was asked for: see the log"),
  "mail-missing": () => t("the log's state was not mailed to all for two days: does the mail server take it?"),
  "proof-findings": () => t("the newest monthly proof of erasing has findings"),
  "sign-in-review-due": () => t("the sign-ins of a month must be reviewed and signed"),
  "proof-unsigned": () => t("a monthly proof of erasing was not signed in time: the police director signs it on the page Erasing"),
  "hold-stuck": () => t("a hold can't be finished: nothing is erased until it is"),
};

const DOUBTS = {
  "clock-stepped": () => t("the clock jumped ahead"),
  "clock-backwards": () => t("the clock went backwards"),
  "long-absence": () => t("it did not run for a long time"),
  "database-clock": () => t("the database's clock differs"),
  "witness-clock": () => t("the witness' clock differs"),
  "ledger-contradicted": () => t("the ledger was changed, or is not the one that was signed"),
  "footage-from-the-future": () => t("there is footage from the future"),
  brake: () => t("far more is due at once than usual"),
  [CONFIRMED]: () => t("two persons confirmed the clock"),
};

/** @param {string} code */
export function problemText(code) {
  return (PROBLEMS[code] ?? (() => code))();
}

/** @param {string} code of a sweep: why not all that was due was erased */
export function doubtText(code) {
  return (DOUBTS[code] ?? (() => code))();
}

/** @param {HTMLElement} target @param {any[]} services answer of /api/services */
export function showServices(target, services) {
  const columns = [
    { title: t("Process") }, { title: t("State") }, { title: t("Last report") }, { title: t("Last good sweep") },
    { title: t("Oldest footage not held") }, { title: t("Hours overdue"), class: "number" },
  ];
  target.replaceChildren(table(t("Recording and erasing"), columns, services.map(serviceRow), ""));
}

function serviceRow(service) {
  const { words } = service;
  const isErasing = service.service === "retention" && service.reported_at;
  return row([
    { content: [element("strong", {}, (NAMES[service.service] ?? (() => service.service))())] },
    { content: [service.in_order ? chip("ok", t("In order")) : chip("bad", t("Needs attention")), ...remarks(service)] },
    { content: [stamp(service.reported_at)] },
    { content: [isErasing ? stamp(words.last_good_at) : ""] },
    { content: [isErasing ? stamp(words.oldest_unheld_at) : ""] },
    { class: "number", content: [isErasing ? formatNumber((words.overdue_s ?? 0) / HOUR_S, 1) : ""] },
  ]);
}

function remarks({ problems, words }) {
  const lines = problems.map(problemText);
  const hours = words.hours_until_full;
  if (hours !== null && hours !== undefined) lines.push(t("full in {hours} hours", { hours: formatNumber(hours, 1) }));
  for (const [code, cameras] of Object.entries(words.cameras ?? {})) {
    const at = lines.indexOf(problemText(code));
    if (at >= 0) lines[at] = t("{problem}: {cameras}", { problem: lines[at], cameras: cameras.join(" · ") });
  }
  const causes = [...(words.doubts ?? []).map(doubtText), ...new Set(Object.values(words.errors ?? {})), ...(words.down ?? []), ...new Set([...(words.off_plan ?? []), ...(words.edge_recording ?? [])]), ...Object.entries(words.ending ?? {}).map(([id, at]) => t("{camera}: until {time}", { camera: id, time: stamp(at) })), ...Object.entries(words.look_again ?? {}).map(([id, at]) => t("{camera}: look again by {time}", { camera: id, time: stamp(at) })), ...Object.entries(words.unsigned ?? {}).map(([month, at]) => t("{month}: should have been signed by {day}", { month, day: lastDayField(at) })), ...(words.sign_in_duty_ahead ? [t("the upgrade from which on sign-ins are reviewed was stamped {time}, later than now: all months are owed", { time: stamp(words.sign_in_duty_ahead) })] : []), ...(words.stuck_holds ?? [])];
  return [...lines, ...causes].map((line) => element("span", { class: "muted small line" }, line));
}

function stamp(at) {
  return at ? formatStamp(parseInstant(at)) : "–";
}
