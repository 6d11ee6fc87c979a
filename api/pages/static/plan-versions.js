/** The versions of a camera's plan: who drew, who decided, why; compare any two; take one as a file. */

import { formatStamp, parseInstant } from "./civil-time.js";
import { row, table } from "./data-table.js";
import { element, icon, textButton } from "./dom.js";
import { listed, t, tn } from "./i18n.js";
import { declareClear, lookAgain, mayDeclare } from "./plan-clear.js";
import { stateChip } from "./plan-words.js";
import { address } from "./plans-list.js";

/** @param {HTMLElement} place @param {{camera: any, versions: any[], allowed: Set<string>, ownId: string}} given */
export function showVersions(place, { camera, versions, allowed, ownId }) {
  const chosen = [versions[1]?.version, versions[0]?.version];
  const compare = element("a", { class: "button" }, t("Compare the two chosen"));
  const point = () => {
    compare.href = `${address(camera.id)}&compare=${chosen[0]}-${chosen[1]}`;
    compare.toggleAttribute("hidden", !chosen[0] || !chosen[1] || chosen[0] === chosen[1]);
  };
  point();
  const pick = (side, version) => element("input", { type: "radio", name: `side-${side}`, checked: chosen[side] === version.version,
    "aria-label": side ? t("compare version {version} as the later one", { version: version.version }) : t("compare version {version} as the earlier one", { version: version.version }),
    on: { change() { chosen[side] = version.version; point(); } } });
  const columns = [t("Compare"), t("Version"), t("State"), t("Masks"), t("Drawn by"), t("Decided by"), t("Acts")].map((title) => ({ title }));
  const counting = versions.find(({ state }) => state === "approved");
  const rows = versions.map((version) => row([
    { class: "nowrap picks", content: versions.length > 1 ? [pick(0, version), pick(1, version)] : [] },
    { class: "nowrap", content: [element("strong", {}, String(version.version))] },
    { content: [stateChip(version.state), ...(version.review?.loosens ? [element("span", { class: "loosened small line" }, t("masked less than the one before"))] : [])] },
    { content: version.no_dwelling_in_sight ? [t("no dwelling in sight"), lookAgain(version)] : [tn(version.masks, "{count} mask", "{count} masks")] },
    { content: [version.drawn_by.name, when(version.drawn_at), element("span", { class: "small line" }, version.reason)] },
    { content: decision(version) },
    { class: "acts", content: acts(camera, version, counting, allowed, ownId) },
  ]));
  place.replaceChildren(element("div", { class: "page" },
    element("div", { class: "page-head" }, element("div", {},
      element("p", { class: "small" }, element("a", { href: "/plans" }, t("All cameras"))), element("h1", {}, camera.name),
      element("p", { class: "muted" }, t("A version never changes. Footage stays blanked by the version that counted when it was made."))),
    element("div", { class: "acts" }, compare, ...(mayDeclare(camera, allowed) ? [textButton(t("No dwelling in sight"), "", () => declareClear(camera, counting))] : []), ...(allowed.has("plan.draft") ? [element("a", { class: "button primary", href: `${address(camera.id)}&draw=${versions[0]?.version ?? "new"}` }, t("Draw"))] : []))),
    calibrationNote(camera, counting, allowed),
    table(t("Versions"), columns, rows, t("No plan was drawn yet: the picture is grey."))));
}

/** What the last measurement of the camera's optics means for the masks that count. */
function calibrationNote({ id, calibration }, counting, allowed) {
  if (!calibration || !counting || calibration.is_drawn_by) return null;
  const { redraw, version, finished_at: at } = calibration;
  const again = redraw.length
    ? t("By it these masks lie further off than the plan allows and must be drawn again: {names}.", { names: listed(redraw) })
    : t("By it all masks still lie where they were drawn.");
  return element("div", { class: redraw.length ? "verdict is-loose" : "verdict" },
    t("The optics were measured anew on {time} (calibration {version}), after this plan was drawn.", { time: formatStamp(parseInstant(at)), version }), " ", again, " ",
    allowed.has("plan.draft") ? element("a", { href: `${address(id)}&draw=${counting.version}&remeasured` }, t("Draw by the new optics")) : null);
}

function when(at) {
  return element("span", { class: "muted small line" }, formatStamp(parseInstant(at)));
}

function decision({ review, approved_by: approver, approved_at: at }) {
  if (review) return [review.by.name, when(review.at), ...(review.reason ? [element("span", { class: "small line" }, review.reason)] : [])];
  return approver ? [approver.name, when(at)] : [];
}

function acts(camera, version, counting, allowed, ownId) {
  const found = [];
  if (version.state === "draft" && version.version > (counting?.version ?? 0)) {
    const isOwn = version.drawn_by.id === ownId;
    const text = allowed.has("plan.approve") && !isOwn ? t("Look and decide") : t("Look");
    found.push(element("a", { class: "button small primary", href: `${address(camera.id)}&compare=${counting?.version ?? 0}-${version.version}` }, text));
  }
  if (allowed.has("plan.draft") && !version.no_dwelling_in_sight) {
    found.push(element("a", { class: "button small", href: `${address(camera.id)}&draw=${version.version}` }, t("Draw from this")));
  }
  if (!version.no_dwelling_in_sight) {
    const path = `/api/placements/${encodeURIComponent(camera.id)}/plans/${version.version}/features`;
    found.push(element("a", { class: "button small", href: path, download: `${camera.id}-${version.version}.geojson`, title: t("Download the masks as a file") }, icon("download")));
  }
  return found;
}
