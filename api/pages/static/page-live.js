/** The live wall: which cameras, which one is moved, full screen. */

import { request } from "./api.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";
import "./live-wall.js";
import { noticeError } from "./notices.js";
import { PtzKeys } from "./ptz-keys.js";
import { PtzLink } from "./ptz-link.js";
import { PtzPanel } from "./ptz-panel.js";
import { PtzPointer } from "./ptz-pointer.js";
import { allowedActions, explainKeys, keyIsTaken } from "./shell.js";

const REPORT_MS = 4000;
const TILES_MOST = 16;

const place = document.getElementById("live");
const wall = /** @type {import("./live-wall.js").LiveWall} */ (document.getElementById("wall"));
const side = document.getElementById("side");
const foot = document.getElementById("foot");
const allowed = allowedActions(place);

/** @type {any[]} */
let placements = [];
let area = "";
let page = 0;
/** @type {{placementId: string, disconnect: () => void} | null} */
let control = null;

async function load(background) {
  try {
    placements = await request("GET", "/api/placements", undefined, { background });
    arrange();
  } catch (error) {
    if (!background) noticeError(error);
  }
}

function arrange() {
  const chosen = placements.filter((placement) => !area || placement.area.name === area);
  const pages = Math.max(1, Math.ceil(chosen.length / TILES_MOST));
  page = Math.min(page, pages - 1);
  wall.show(chosen.slice(page * TILES_MOST, (page + 1) * TILES_MOST));
  place.classList.toggle("is-empty", !placements.length);
  place.dataset.empty = t("No camera is placed yet, or you may not watch now.");
  showFoot(pages);
}

/** Areas and pages, only where there is something to choose. */
function showFoot(pages) {
  const areas = [...new Set(placements.map((placement) => placement.area.name))].sort();
  foot.hidden = placements.length <= TILES_MOST;
  const key = JSON.stringify([areas, area, page, pages]);
  if (foot.hidden || foot.dataset.key === key) return;
  foot.dataset.key = key;
  const choose = (name, text) => element("button", {
    type: "button", class: "small", "aria-pressed": String(name === area),
    on: { click: () => {
      area = name;
      page = 0;
      arrange();
    } },
  }, text);
  const turn = (step, text) => element("button", {
    type: "button", class: "small", disabled: page + step < 0 || page + step >= pages,
    on: { click: () => {
      page += step;
      arrange();
    } },
  }, text);
  foot.replaceChildren(
    element("div", { class: "foot-areas", role: "group", "aria-label": t("Areas") }, choose("", t("All areas")), ...areas.map((name) => choose(name, name))),
    element("div", { class: "foot-pages" }, turn(-1, t("Previous")), element("span", {}, `${page + 1} / ${pages}`), turn(1, t("Next"))),
  );
}

/** Give the selected camera to mouse and keys; take it from the one before. */
function takeControl(placement) {
  if (control?.placementId === (placement?.id ?? "")) return;
  control?.disconnect();
  control = null;
  if (!placement?.ptz || !allowed.has("ptz.control")) return;
  const tile = wall.tiles.find((candidate) => candidate.placement.id === placement.id);
  const panel = new PtzPanel(side, placement, allowed.has("ptz.take_over"));
  const link = new PtzLink(placement.id, {
    onSpeed: (speed) => panel.showSpeed(speed),
    onAnswer: () => undefined,
    onError: (error) => panel.showError(error),
  });
  const pointer = new PtzPointer(tile.layer, link, () => wall.focusedId === placement.id);
  const keys = new PtzKeys(link);
  link.connect();
  pointer.connect();
  keys.connect();
  const showPanel = () => (wall.focusedId === placement.id ? panel.connect(link) : panel.disconnect());
  wall.addEventListener("focused", showPanel);
  showPanel();
  panel.showControl(tile.control);
  const showTold = ({ detail }) => detail.control !== undefined && panel.showControl(detail.control);
  tile.addEventListener("told", showTold);
  control = {
    placementId: placement.id,
    disconnect() {
      wall.removeEventListener("focused", showPanel);
      tile.removeEventListener("told", showTold);
      panel.disconnect();
      keys.disconnect();
      pointer.disconnect();
      link.disconnect();
    },
  };
}

async function toggleFullScreen() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await place.requestFullscreen();
  } catch (error) {
    noticeError(error);
  }
}

explainKeys([
  ["1 … 9", t("Select a camera")],
  ["Enter", t("Make the selected camera large, and back")],
  ["Esc", t("Back to all cameras")],
  ["← → ↑ ↓", t("Move the selected camera while the key is down")],
  ["+ -", t("Zoom in and out")],
  ["Shift", t("With an arrow: slowly")],
  ["F", t("Full screen")],
]);

wall.addEventListener("selected", (event) => takeControl(/** @type {CustomEvent} */ (event).detail.placement));
addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "f" && !keyIsTaken(event)) toggleFullScreen();
});
addEventListener("pagehide", () => control?.disconnect());
setInterval(() => !document.hidden && load(true), REPORT_MS);
await load(false);
