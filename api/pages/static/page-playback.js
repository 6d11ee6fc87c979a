/** Looking back: cameras, the clock that they follow, the timeline, and securing what was found. */

import { request, serverNow_ms, me } from "./api.js";
import { BlankingCard } from "./blanking-card.js";
import { DAY_MS, formatClock, formatStamp, HOUR_MS, isoInstant, MINUTE_MS, parseInstant, SECOND_MS } from "./civil-time.js";
import { element } from "./dom.js";
import { fitGrid } from "./grid-fit.js";
import { placeHold } from "./hold-dialog.js";
import { t } from "./i18n.js";
import { notice, noticeError } from "./notices.js";
import { PlaybackClock } from "./playback-clock.js";
import { PlaybackPlayer } from "./playback-player.js";
import { PlaybackSource } from "./playback-source.js";
import { purposeName } from "./choices.js";
import { askPurpose } from "./purpose-dialog.js";
import { allowedActions, explainKeys, keyIsTaken } from "./shell.js";
import { TimelineData } from "./timeline-data.js";
import "./timeline-view.js";
import { TransportBar } from "./transport-bar.js";

const BEAT_MS = 100;
const REFRESH_MS = 20_000;
const STEP_MS = 40;
const PLAYERS_MOST = 4;
/** Browsers allow a page few changes of its address. */
const KEEP_ADDRESS_MS = 1000;
const NEAR_NOW_MS = 2 * SECOND_MS;
const CAPTION_PX = 28;
const GAP_PX = 6;
const PURPOSE_KEY = "vms.purpose";

const place = document.getElementById("playback");
const stage = document.getElementById("stage");
const timeline = /** @type {import("./timeline-view.js").TimelineView} */ (document.getElementById("timeline"));
const allowed = allowedActions(place);
const clock = new PlaybackClock();
const card = new BlankingCard(document.getElementById("blanking"));

/** @type {any[]} */
let placements = [];
/** @type {import("./playback-source.js").Purpose | null} */
let purpose = JSON.parse(sessionStorage.getItem(PURPOSE_KEY) || "null");
let origin_ms = 0;
let isAsking = false;

/** @returns {PlaybackPlayer[]} */
const players = () => /** @type {PlaybackPlayer[]} */ ([...stage.querySelectorAll("playback-player")]);

const bar = new TransportBar(document.getElementById("transport"), {
  day_ms: () => (Number.isNaN(clock.at_ms) ? serverNow_ms() : clock.at_ms),
  toggle: () => (clock.isPlaying ? pause() : play()),
  step,
  jump: (by_ms) => goTo(clock.at_ms + by_ms),
  goTo: (at_ms) => {
    timeline.showSpan(timeline.range.to_ms - timeline.range.from_ms, at_ms);
    goTo(at_ms);
  },
  setRate: (rate) => {
    clock.rate = rate;
  },
  toggleSelecting: () => {
    timeline.isSelecting = !timeline.isSelecting;
    if (!timeline.isSelecting) timeline.select(null);
    bar.showSelection(timeline.isSelecting, timeline.selection);
  },
  hold,
  showSpan: (span_ms) => timeline.showSpan(span_ms, Number.isNaN(clock.at_ms) || span_ms > DAY_MS ? undefined : clock.at_ms),
}, allowed.has("hold.place"));

async function ensurePurpose() {
  if (purpose) return true;
  if (isAsking) return false;
  isAsking = true;
  const wanted = new URL(location.href).searchParams.get("case");
  setPurpose(await askPurpose(wanted ? { code: "case", case_number: wanted } : null));
  isAsking = false;
  return purpose !== null;
}

function setPurpose(chosen) {
  if (chosen) {
    purpose = chosen;
    sessionStorage.setItem(PURPOSE_KEY, JSON.stringify(purpose));
    for (const player of players()) player.source = new PlaybackSource(player.dataset.placement, purpose);
  }
  showPurpose();
}

function showPurpose() {
  const box = document.getElementById("purpose");
  box.hidden = !purpose;
  if (!purpose) return;
  const name = purposeName(purpose.code);
  box.replaceChildren(
    element("h3", {}, t("Purpose")), element("p", {}, name), ...(purpose.case_number ? [element("p", { class: "mono" }, purpose.case_number)] : []),
    element("button", { type: "button", class: "small", on: { click: async () => setPurpose(await askPurpose(purpose)) } }, t("Change")),
  );
}

async function play() {
  if (!players().length) {
    notice(t("Choose a camera first."));
    return;
  }
  if (!(await ensurePurpose())) return;
  if (Number.isNaN(clock.at_ms)) goTo(serverNow_ms() - 5 * MINUTE_MS);
  clock.isPlaying = true;
  clock.jump(clock.at_ms);
}

function pause() {
  clock.isPlaying = false;
}

async function goTo(at_ms) {
  if (Number.isNaN(at_ms) || !players().length || !(await ensurePurpose())) return;
  clock.jump(Math.min(at_ms, serverNow_ms() - NEAR_NOW_MS));
  timeline.follow(clock.at_ms);
  keepAddress();
  const isErased = players().every(({ data }) => data.erasedAt(clock.at_ms, serverNow_ms()));
  if (isErased) notice(t("There is no footage of {time} any more: that is longer ago than footage may be kept.", { time: formatStamp(clock.at_ms) }));
}

let kept_ms = 0;

/** The address says where one is: going back, reloading and passing it on lead here again. */
function keepAddress() {
  if (Number.isNaN(clock.at_ms) || Math.abs(clock.at_ms - kept_ms) < KEEP_ADDRESS_MS) return;
  kept_ms = clock.at_ms;
  const address = new URL(location.href);
  address.searchParams.set("at", isoInstant(Math.floor(kept_ms / SECOND_MS) * SECOND_MS));
  history.replaceState(null, "", address);
}

function step(direction) {
  pause();
  if (!Number.isNaN(clock.at_ms)) goTo(clock.at_ms + direction * STEP_MS);
}

/** One beat: the clock runs while nobody waits, all players follow, gaps are jumped over. */
function beat() {
  const active = players();
  if (!purpose || Number.isNaN(clock.at_ms) || !active.length) return;
  const isWaiting = active.some((player) => player.isWaiting(clock.at_ms));
  clock.beat(!isWaiting);
  if (clock.isPlaying && !isWaiting) jumpOverGap(active);
  const now_ms = serverNow_ms();
  for (const player of active) player.sync(clock.at_ms, now_ms, clock.rate, clock.isPlaying && !isWaiting);
  timeline.follow(clock.at_ms);
  card.follow(active[0].dataset.placement, clock.at_ms);
  bar.show(clock, isWaiting);
  if (clock.isPlaying) keepAddress();
}

/** Where no camera has footage, go to where the first one has it again. @param {PlaybackPlayer[]} active */
function jumpOverGap(active) {
  if (active.some((player) => player.hasPicture(clock.at_ms) || player.source?.locate(clock.at_ms) || player.data.recordedAt(clock.at_ms))) return;
  const next_ms = Math.min(...active.map(({ data }) => data.nextRecorded_ms(clock.at_ms) ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(next_ms)) {
    pause();
    notice(t("End of the recordings."));
  } else if (next_ms - clock.at_ms > SECOND_MS) {
    notice(t("No footage until {time}: skipped.", { time: formatClock(next_ms) }));
    clock.jump(next_ms);
  }
}

function choose(placement, isChosen) {
  const known = players().find((player) => player.dataset.placement === placement.id);
  if (isChosen && !known) {
    const player = new PlaybackPlayer();
    player.name = placement.name;
    player.dataset.placement = placement.id;
    player.origin_ms = origin_ms;
    player.data = new TimelineData(placement.id);
    if (purpose) player.source = new PlaybackSource(placement.id, purpose);
    player.addEventListener("trouble", (event) => noticeError(/** @type {CustomEvent} */ (event).detail));
    stage.append(player);
  } else if (!isChosen) known?.remove();
  timeline.rows = players().map((player) => ({ id: player.dataset.placement, name: player.name, data: player.data }));
  timeline.refresh();
  stage.dataset.empty = players().length ? "" : t("Choose a camera on the left.");
  const address = new URL(location.href);
  address.searchParams.delete("camera");
  for (const player of players()) address.searchParams.append("camera", player.dataset.placement);
  history.replaceState(null, "", address);
  arrange();
}

function arrange() {
  const { columns, tileWidth_px } = fitGrid(Math.max(1, players().length), stage.clientWidth, stage.clientHeight, CAPTION_PX, GAP_PX);
  stage.style.setProperty("--columns", String(columns));
  stage.style.setProperty("--tile", `${tileWidth_px}px`);
}

function showCameras() {
  const wanted = new Set(new URL(location.href).searchParams.getAll("camera"));
  if (!wanted.size && placements.length) wanted.add(placements[0].id);
  document.getElementById("cameras").replaceChildren(...placements.map((placement) => {
    const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", checked: wanted.has(placement.id) }));
    box.addEventListener("change", () => {
      if (box.checked && players().length >= PLAYERS_MOST) {
        box.checked = false;
        notice(t("At most {count} cameras at a time.", { count: PLAYERS_MOST }));
        return;
      }
      choose(placement, box.checked);
    });
    return element("label", { class: "check" }, box, element("span", {}, placement.name, element("span", { class: "muted small" }, placement.area.name)));
  }));
  for (const placement of placements) if (wanted.has(placement.id)) choose(placement, true);
  if (!players().length) stage.dataset.empty = placements.length ? t("Choose a camera on the left.") : t("No camera is placed yet.");
}

async function hold() {
  const range = timeline.selection;
  if (!range) return;
  pause();
  const answer = await placeHold(placements, {
    placementIds: players().map((player) => player.dataset.placement), from_ms: range.from_ms, to_ms: range.to_ms,
    caseNumber: purpose?.case_number, now_ms: serverNow_ms(),
  });
  if (!answer) return;
  timeline.select(null);
  for (const { data } of timeline.rows) data.forget();
  timeline.refresh();
}

/** @type {Record<string, () => void>} */
const keys = {
  " ": () => (clock.isPlaying ? pause() : play()),
  k: () => (clock.isPlaying ? pause() : play()),
  ArrowLeft: () => goTo(clock.at_ms - 10 * SECOND_MS),
  ArrowRight: () => goTo(clock.at_ms + 10 * SECOND_MS),
  ",": () => step(-1),
  ".": () => step(1),
  "[": () => clock.shift(-1),
  "]": () => clock.shift(1),
  i: () => mark("from_ms"),
  o: () => mark("to_ms"),
  Escape: () => timeline.select(null),
};

/** Begin or end the selection at the playhead. @param {"from_ms" | "to_ms"} edge */
function mark(edge) {
  if (Number.isNaN(clock.at_ms)) return;
  const range = timeline.selection ?? { from_ms: clock.at_ms, to_ms: clock.at_ms + MINUTE_MS };
  const changed = { ...range, [edge]: clock.at_ms };
  if (changed.to_ms > changed.from_ms) timeline.select(changed);
  else timeline.select({ from_ms: clock.at_ms - (edge === "to_ms" ? MINUTE_MS : 0), to_ms: clock.at_ms + (edge === "from_ms" ? MINUTE_MS : 0) });
}

function start() {
  explainKeys([
    [t("Space"), t("Play and pause")], ["← →", t("10 seconds back or on")], [", .", t("One picture back or on")], ["[ ]", t("Slower, faster")],
    ["I O", t("Begin and end the selection here")], ["Esc", t("Drop the selection")], ["+ -", t("Zoom the timeline (when it has the focus)")],
  ]);
  addEventListener("keydown", (event) => {
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act || keyIsTaken(event) || (event.key === " " && event.target instanceof HTMLElement && event.target.closest("button, a"))) return;
    event.preventDefault();
    act();
  });
  timeline.now = serverNow_ms;
  timeline.addEventListener("seek", (event) => goTo(/** @type {CustomEvent} */ (event).detail.at_ms));
  timeline.addEventListener("selection", () => {
    timeline.isSelecting = false;
    bar.showSelection(false, timeline.selection);
  });
  timeline.addEventListener("trouble", (event) => noticeError(/** @type {CustomEvent} */ (event).detail));
  new ResizeObserver(arrange).observe(stage);
  setInterval(beat, BEAT_MS);
  setInterval(() => !document.hidden && timeline.refresh(), REFRESH_MS);
  addEventListener("pagehide", () => players().forEach((player) => player.source?.close()));
  document.addEventListener("visibilitychange", () => document.hidden && pause());
}

start();
try {
  await me();
  origin_ms = serverNow_ms() - 40 * DAY_MS;
  timeline.showSpan(HOUR_MS);
  placements = await request("GET", "/api/placements?ended=true");
  showCameras();
  showPurpose();
  const at_ms = parseInstant(new URL(location.href).searchParams.get("at") ?? "");
  if (!Number.isNaN(at_ms)) {
    timeline.showSpan(HOUR_MS, at_ms);
    goTo(at_ms);
  }
} catch (error) {
  noticeError(error);
}
