/** Calibration of moving cameras: start, watch the phases, read the verdict and what it rests on. Figures, no pictures. */

import { request } from "./api.js";
import { residualPlot } from "./calibration-plot.js";
import { failureText, findingText, phaseText, verdictChip, verdictText } from "./calibration-words.js";
import { formatSpan, formatStamp, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { askForm } from "./dialog.js";
import { element } from "./dom.js";
import { formatNumber, listed, t, tn } from "./i18n.js";
import "./shell.js";

const POLL_MS = 1000;
const PHASES = ["first-look", "grid", "zoom", "checks", "speed", "timing", "solving", "going-back"];

const [choice, run, result, fit, history] = ["choice", "run", "result", "fit", "history"].map((id) => document.getElementById(id));
let placementId = new URLSearchParams(location.search).get("camera") ?? "";
let shownVersion = 0;
let failure = "";

async function choose() {
  const moving = (await request("GET", "/api/placements")).filter((placement) => placement.ptz);
  if (!moving.length) {
    run.replaceChildren(element("p", { class: "empty" }, t("No camera here can move: there is nothing to calibrate.")));
    return;
  }
  if (!moving.some(({ id }) => id === placementId)) placementId = moving[0].id;
  const select = element("select", { "aria-label": t("Camera"), on: { change: () => { placementId = select.value; shownVersion = 0; load(false); } } },
    ...moving.map(({ id, name }) => element("option", { value: id, selected: id === placementId }, name)));
  choice.replaceChildren(select);
  await load(false);
}

async function load(background) {
  if (!placementId) return;
  const asked = placementId;
  try {
    const answer = await request("GET", `/api/placements/${asked}/calibrations`, undefined, { background });
    if (asked === placementId) show(answer);
  } catch (error) {
    if (!background) run.replaceChildren(element("p", { class: "empty" }, error.message));
  }
}

function show({ progress, versions, checks, plan_version }) {
  run.replaceChildren(...runParts(progress));
  const version = versions.find((one) => one.version === shownVersion) ?? versions[0];
  result.replaceChildren(...(version ? resultParts(version, plan_version) : [element("p", { class: "empty" }, t("This camera was never calibrated here."))]));
  fit.replaceChildren(...checkParts(checks));
  history.replaceChildren(...(versions.length ? historyParts(versions, version) : []));
}

function runParts(progress) {
  const isRunning = progress.state === "running";
  const parts = [];
  if (isRunning) {
    const at = PHASES.indexOf(progress.phase);
    parts.push(element("progress", { max: 1, value: progress.share ?? 0, "aria-label": t("Progress") }),
      element("p", {}, element("strong", {}, phaseText(progress.phase)), ` · ${formatNumber(100 * (progress.share ?? 0), 0)} %`),
      element("p", { class: "muted small" }, at >= 0 ? t("The camera can't be moved by hand until this is done; cancelling brings it back to where it stood.") : ""),
      element("button", { type: "button", class: "danger", on: { click: () => act("DELETE", "/running") } }, t("Cancel the calibration")));
    return parts;
  }
  if (failure) parts.push(element("p", { class: "form-error", role: "alert" }, failure));
  else if (progress.state === "failed") parts.push(element("p", { class: "form-error", role: "alert" }, t("The last run failed: {why}. Nothing was changed.", { why: failureText(progress.code, progress.message) })));
  else if (progress.state === "cancelled") parts.push(element("p", { class: "muted" }, t("The last run was cancelled. Nothing was changed.")));
  const away = progress.state === "away";
  parts.push(element("div", { class: "dialog-buttons" },
    element("button", { type: "button", class: "primary", disabled: away, on: { click: () => askFirst(t("Calibrate"), true, () => act("POST", "", { thorough: true })) } }, t("Calibrate")),
    element("button", { type: "button", disabled: away, on: { click: () => askFirst(t("Calibrate quickly, with wider bounds"), true, () => act("POST", "", { thorough: false })) } }, t("Calibrate quickly, with wider bounds")),
    element("button", { type: "button", disabled: away, on: { click: () => askFirst(t("Only check"), false, () => act("POST", "/checks")) } }, t("Only check"))));
  if (away) parts.push(element("p", { class: "muted" }, t("The camera's recorder does not answer now.")));
  return parts;
}

/** How long it takes, and who watches and steers at this moment: a street goes grey before somebody's eyes. */
async function askFirst(title, isCalibration, start) {
  const { versions, watched_by: watching, steered_by: steering } = await request("GET", `/api/placements/${placementId}/calibrations`).catch((error) => {
    failure = error.message;
    return {};
  });
  if (!versions) return load(true);
  const last = versions[0] && parseInstant(versions[0].finished_at) - parseInstant(versions[0].started_at);
  const lasts = !isCalibration ? t("The picture is grey for some ten seconds.")
    : last ? t("The picture is grey meanwhile. The last calibration of this camera took {span}.", { span: formatSpan(last) })
      : t("The picture is grey meanwhile, usually for some minutes. You can cancel it at any time.");
  const watch = watching.length ? t("Watching now: {names}. They are told.", { names: listed(watching) }) : t("Nobody watches this camera now.");
  const steer = steering ? t("{name} steers this camera now.", { name: steering }) : t("Nobody steers this camera now.");
  await askForm({ title, lead: lasts, fields: [element("p", {}, watch), element("p", { class: steering ? "form-error" : "" }, steer)], submitText: title, danger: Boolean(steering), submit: start });
}

async function act(method, tail, body) {
  failure = "";
  try {
    await request(method, `/api/placements/${placementId}/calibrations${tail}`, body);
    shownVersion = 0;
  } catch (error) {
    failure = error.message;
  }
  await load(true);
}

function resultParts(version, planVersion) {
  const { accuracy, camera_model: model, timing, motors, residuals, findings } = version.document;
  const wide = model.zoom[0][1];
  const [, tele] = model.zoom[model.zoom.length - 1];
  const figures = [
    [t("Field of view"), t("{wide}° to {tele}°", { wide: formatNumber(wide, 1), tele: formatNumber(tele, 2) })],
    [t("Directions are right within"), `${formatNumber(accuracy.pan_tilt_deg, 3)}°`],
    [t("The scale is right within"), `${formatNumber(100 * accuracy.zoom_rel, 2)} %`],
    [t("The reported position is at most so old"), `${formatNumber(1000 * accuracy.staleness_s, 0)} ms`],
    [t("It trails the picture by"), `${formatNumber(1000 * timing.lag_s, 0)} ms`],
    [t("Top speed pan / tilt"), `${formatNumber(motors.pan.top_speed, 0)} / ${formatNumber(motors.tilt.top_speed, 0)} °/s`],
    [t("Roll of the sensor, tilt zero"), `${formatNumber(model.sensor_roll_deg, 2)}°, ${formatNumber(model.tilt_offset_deg, 2)}°`],
    [t("Fitted to"), tn(residuals.stills, "{count} picture", "{count} pictures") + `, ${formatNumber(residuals.rms_px, 2)} px`],
  ];
  return [
    element("h2", {}, t("Calibration {version}", { version: version.version }), " ", verdictChip(version.verdict)),
    element("p", {}, verdictText(version.verdict), " ", ...findings.map((code) => `${findingText(code)} `)),
    element("div", { class: "calibration-columns" },
      element("dl", { class: "calibration-figures" }, ...figures.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
      residualPlot(residuals.checks, accuracy)),
    checkTable(residuals.checks),
    ...maskParts(version.masks, planVersion),
  ];
}

function checkTable(checks) {
  const number = { class: "number" };
  const columns = [{ title: t("Checked at"), ...number }, { title: t("Zoom"), ...number }, { title: t("Off by"), ...number }, { title: t("Scale off by"), ...number }, { title: t("Points"), ...number }];
  return table(t("Checks"), columns, checks.map((one) => row([
    { class: "number", content: [`${formatNumber(one.pan_deg, 1)}°, ${formatNumber(one.tilt_deg, 1)}°`] },
    { class: "number", content: [formatNumber(one.zoom, 2)] },
    { class: "number", content: [`${formatNumber(one.shift_deg, 3)}°`] },
    { class: "number", content: [`${formatNumber(100 * one.scale_rel, 2)} %`] },
    { class: "number", content: [formatNumber(one.matches, 0)] },
  ])), "");
}

function maskParts(masks, planVersion) {
  if (!masks) return [element("p", { class: "muted" }, planVersion ? "" : t("There is no approved blanking plan yet: draw one from this calibration."))];
  const redraw = masks.filter((mask) => mask.redraw);
  if (!redraw.length) return [element("p", { class: "muted" }, t("All masks of the plan still lie where they were drawn, within the stated error."))];
  return [element("p", { role: "alert" }, tn(redraw.length, "{count} mask of the plan must be drawn again:", "{count} masks of the plan must be drawn again:"), " ",
    listed(redraw.slice(0, 12).map((mask) => t("{mask} (moves {moved}°, stated {allowed}°)", { mask: mask.id, moved: formatNumber(mask.moved_deg, 2), allowed: formatNumber(mask.allowed_deg, 2) }))))];
}

function historyParts(versions, present) {
  const columns = [{ title: t("Version") }, { title: t("When") }, { title: t("Verdict") }, { title: t("Directions"), class: "number" }, { title: t("Scale"), class: "number" }, { title: t("By") }];
  const rows = versions.map((one) => row([
    { content: [element("button", { type: "button", class: "link", "aria-pressed": String(one === present), on: { click: () => { shownVersion = one.version; load(true); } } }, String(one.version))] },
    { content: [formatStamp(parseInstant(one.finished_at))] },
    { content: [verdictChip(one.verdict)] },
    { class: "number", content: [`${formatNumber(one.document.accuracy.pan_tilt_deg, 3)}°`] },
    { class: "number", content: [`${formatNumber(100 * one.document.accuracy.zoom_rel, 2)} %`] },
    { content: [one.started_by] },
  ]));
  return [element("h2", {}, t("History")), table(t("History"), columns, rows, "")];
}

/** Does the camera still look where its plan says? Once a day, and on demand. */
function checkParts(checks) {
  if (!checks.length) return [];
  const outcomes = { steady: () => chip("ok", t("still fits")), drifted: () => chip("bad", t("no longer fits")), first: () => chip("quiet", t("first look")), "not-possible": () => chip("quiet", t("not possible")) };
  const columns = [{ title: t("When") }, { title: t("Plan") }, { title: t("Finding") }, { title: t("Off by"), class: "number" }, { title: t("Stated"), class: "number" }, { title: t("Scale off by"), class: "number" }, { title: t("What follows") }];
  const rows = checks.slice(0, 7).map(({ at, plan_version, outcome, document: found }) => row([
    { content: [formatStamp(parseInstant(at))] },
    { content: [String(plan_version)] },
    { content: [(outcomes[outcome] ?? outcomes["not-possible"])()] },
    { class: "number", content: [found.code ? "–" : `${formatNumber(found.shift_deg, 3)}°`] },
    { class: "number", content: [found.code ? "–" : `${formatNumber(found.stated_deg, 3)}°`] },
    { class: "number", content: [found.code ? "–" : `${formatNumber(100 * found.scale_rel, 2)} %`] },
    { content: [consequence(outcome, found)] },
  ]));
  return [element("h2", {}, t("Re-checks")), table(t("Re-checks"), columns, rows, "")];
}

function consequence(outcome, found) {
  if (found.code) return failureText(found.code);
  if (outcome !== "drifted") return "";
  if (found.grey) return t("Everything is grey until the camera is calibrated again.");
  return t("Masks are {widen}° wider until the camera is calibrated again.", { widen: formatNumber(found.widen_deg, 2) });
}

await choose();
setInterval(() => !document.hidden && load(true), POLL_MS);
