/** Health of the cameras, for the technician: figures and words, no pictures. */

import { request, serverNow_ms } from "./api.js";
import { formatSpan, formatStamp, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { element } from "./dom.js";
import { formatNumber, t, tn } from "./i18n.js";
import { gapCause, greyReason, notRecorded, onvifProblem, whatCame } from "./reasons.js";
import { showServices } from "./service-health.js";
import "./shell.js";

const POLL_MS = 3000;

const list = document.getElementById("list");
const services = document.getElementById("services");
const summary = document.getElementById("summary");

const STATES = {
  live: () => chip("ok", t("Live")),
  grey: () => chip("quiet", t("Blanked")),
  offline: () => chip("bad", t("Offline")),
  starting: () => chip("quiet", t("Starting")),
};

const EDGE_REASONS = {
  "camera.no-onvif": () => t("the camera has no ONVIF address: look at the camera itself"),
  "camera.edge-refused": () => t("the account may not ask: give it the right to see recordings"),
};

async function load(background) {
  try {
    const answer = await request("GET", "/api/cameras", undefined, { background });
    show(answer);
    showServices(services, await request("GET", "/api/services", undefined, { background }));
  } catch (error) {
    if (!background) list.replaceChildren(element("p", { class: "empty" }, error.message));
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

function show(cameras) {
  const number = { class: "number" };
  const columns = [
    { title: t("Camera") }, { title: t("State") }, { title: t("Since") }, { title: t("Pictures"), ...number }, { title: t("Bit rate"), ...number },
    { title: t("Positions"), ...number }, { title: t("Delay"), ...number }, { title: t("Reconnected"), ...number }, { title: t("Viewers"), ...number }, { title: t("Remark") },
  ];
  list.replaceChildren(table(t("Cameras"), columns, cameras.map(cameraRow), t("No camera is placed yet.")));
  const away = cameras.filter(({ state }) => state.live === "offline").length;
  summary.replaceChildren(away ? chip("bad", tn(away, "{count} camera offline", "{count} cameras offline")) : chip("ok", t("All cameras answer")));
}

function cameraRow(camera) {
  const state = { ...camera.health, ...camera.state };
  const since_ms = state.since_at ? parseInstant(state.since_at) : Number.NaN;
  const kind = camera.camera.kind === "ptz" ? t("moving") : t("fixed");
  return row([
    { content: [element("strong", {}, camera.name), element("span", { class: "muted small line" }, [camera.area.name, kind, camera.id].filter(Boolean).join(" · "))] },
    { content: [(STATES[state.live] ?? (() => chip("quiet", state.live ?? "")))()] },
    { content: Number.isNaN(since_ms) ? ["–"] : [formatStamp(since_ms), element("span", { class: "muted small line" }, formatSpan(serverNow_ms() - since_ms))] },
    { class: "number", content: [figure(state.fps, 1, t("/s"))] },
    { class: "number", content: [Number.isFinite(state.bitrate_bps) ? t("{rate} Mbit/s", { rate: formatNumber(state.bitrate_bps / 1e6, 1) }) : "–"] },
    { class: "number", content: [figure(state.telemetry_hz, 1, t("/s"))] },
    { class: "number", content: [figure(state.delay_ms, 0, "ms")] },
    { class: "number", content: [figure(state.reconnects, 0, "")] },
    { class: "number", content: [figure(state.viewers, 0, "")] },
    { content: [camera.commissioning ? chip("bad", t("View for drawing masks open")) : null, designationEnd(camera.designation), fit(camera.health?.fit), fixedView(camera.health?.view), ...position(camera.health ?? {}), ...edge(camera.edge), remark(state, camera.health?.error)] },
  ]);
}

function designationEnd({ ending, valid_until_at }) {
  if (ending !== "designation-ending") return null;
  return chip("warn", t("Designation ends {time}", { time: formatStamp(parseInstant(valid_until_at)) }));
}

function fit(found) {
  if (found === "grey") return chip("bad", t("Off its plan: grey"));
  return found === "wider" ? chip("warn", t("Off its plan: masks are wider")) : null;
}

/** Whether a camera that does not turn is where its plan was drawn. */
function fixedView(found) {
  if (found?.state === "moved") return chip("bad", t("Moved: grey until two persons have looked"));
  if (found?.state === "not-recognised") return chip("warn", t("View not recognised"));
  return found?.state === "wider" ? chip("warn", t("Moved a little: masks are wider")) : null;
}

/** Why a moving camera does not say where it looks: what came, and what to do. */
function position({ telemetry_problem: code, telemetry_problem_said: said }) {
  if (!code) return [];
  const words = said ? whatCame(code, said) : null;
  const came = words ? [element("span", { class: "muted small line" }, t("What came: {words}", { words }))] : [];
  return [chip("warn", t("Position unknown")), element("span", { class: "muted small line" }, onvifProblem(code)), ...came];
}

/** What the camera keeps on its own card: unblanked, and nobody erases it on time. */
function edge(found) {
  if (found?.answer?.state === "recordings") {
    const { oldest_at, active_jobs } = found.answer;
    const since = oldest_at ? t("On its own card, unblanked, since {time}.", { time: formatStamp(parseInstant(oldest_at)) }) : t("On its own card, unblanked.");
    const todo = active_jobs ? t("Switch its recording off, then wipe or take out the card.") : t("Switched off: now wipe or take out the card.");
    const silent = found.reason ? t("It has not answered since {time}.", { time: formatStamp(parseInstant(found.answered_at)) }) : "";
    return [chip("bad", t("The camera itself records")), element("span", { class: "muted small line" }, [since, todo, silent].filter(Boolean).join(" "))];
  }
  if (!found?.reason) return [];
  const why = EDGE_REASONS[found.reason] ?? (() => t("it does not answer, or not as the standard wants"));
  return [chip("warn", t("Own recordings unknown")), element("span", { class: "muted small line" }, why())];
}

function figure(value, digits, unit) {
  return Number.isFinite(value) ? `${formatNumber(value, digits)} ${unit}`.trim() : "–";
}

function remark(state, lastError) {
  if (state.live === "offline") return gapCause(state.reason ?? lastError);
  const missing = notRecorded(state.recording);
  if (missing) return missing;
  if (state.live === "grey") return greyReason(state.reason);
  return lastError ? t("Last: {error}", { error: gapCause(lastError) }) : "";
}

await load(false);
setInterval(() => !document.hidden && load(true), POLL_MS);
