/** The cameras and how their masks stand. */

import { formatStamp, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { element } from "./dom.js";
import { t, tn } from "./i18n.js";
import { lookAgain } from "./plan-clear.js";

/** @param {HTMLElement} place @param {any[]} cameras @param {Set<string>} allowed */
export function showCameras(place, cameras, allowed) {
  const waiting = cameras.reduce((sum, { drafts }) => sum + drafts.length, 0);
  const columns = [t("Camera"), t("Area"), t("Plan that counts"), t("Waits for a second person"), t("Acts")].map((title) => ({ title }));
  const rows = cameras.filter(({ ended }) => !ended).map((camera) => row([
    { content: [element("a", { href: address(camera.id) }, element("strong", {}, camera.name)), element("span", { class: "muted small line" }, camera.camera.kind === "ptz" ? t("moves") : t("fixed"))] },
    { content: [camera.area.name] },
    { content: counting(camera.plan) },
    { content: camera.drafts.map((draft) => element("a", { class: "line", href: `${address(camera.id)}&compare=${camera.plan?.version ?? 0}-${draft.version}` },
      t("version {version} by {name}", { version: draft.version, name: draft.drawn_by.name }))) },
    { class: "acts", content: allowed.has("plan.draft") ? [element("a", { class: "button small", href: `${address(camera.id)}&draw=${newest(camera)}` }, t("Draw"))] : [] },
  ], { dataset: { id: camera.id } }));
  place.replaceChildren(element("div", { class: "page" },
    element("div", { class: "page-head" }, element("div", {}, element("h1", {}, t("Masks")),
      element("p", { class: "muted" }, t("One person draws the masks over dwellings, another decides. Without a plan that counts a camera is grey."))),
    element("div", { class: "summary" }, waiting ? chip("warn", tn(waiting, "{count} draft waits", "{count} drafts wait")) : chip("ok", t("Nothing waits")))),
    table(t("Masks"), columns, rows, t("There is no camera."))));
}

function newest(camera) {
  return Math.max(camera.plan?.version ?? 0, ...camera.drafts.map(({ version }) => version)) || "new";
}

function counting(plan) {
  if (!plan) return [chip("bad", t("None: the picture is grey"))];
  const masks = plan.no_dwelling_in_sight ? t("no dwelling in sight") : tn(plan.masks, "{count} mask", "{count} masks");
  return [chip("ok", t("version {version}", { version: plan.version })), element("span", { class: "muted small line" },
    `${masks} · ${t("since {time}", { time: formatStamp(parseInstant(plan.approved_at)) })}`), lookAgain(plan)].filter(Boolean);
}

/** @param {string} id */
export function address(id) {
  return `/plans?camera=${encodeURIComponent(id)}`;
}
