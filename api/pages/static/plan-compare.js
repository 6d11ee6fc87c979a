/** Two versions side by side, what changes in words and areas, and, for a draft, the second person's decision. */

import { request } from "./api.js";
import { row, table } from "./data-table.js";
import { askForm, FieldError, labelled } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { t } from "./i18n.js";
import "./mask-view.js";
import "./panorama-view.js";
import { lookAgain } from "./plan-clear.js";
import { spaceOf } from "./plan-space.js";
import { areaText, changeChip, looseningText, stateChip } from "./plan-words.js";
import { address } from "./plans-list.js";

const CHANGED_LOOKS = {
  added: { fill: "rgb(123 176 143 / 45%)", stroke: "#7bb08f" },
  enlarged: { fill: "rgb(123 176 143 / 45%)", stroke: "#7bb08f" },
  moved: { fill: "rgb(214 167 86 / 40%)", stroke: "#d6a756" },
  reduced: { fill: "rgb(214 167 86 / 40%)", stroke: "#d6a756" },
  removed: { fill: "rgb(221 123 112 / 40%)", stroke: "#dd7b70" },
};

export class PlanComparisonPage {
  /** @param {HTMLElement} place @param {{camera: any, path: string, versions: any[], allowed: Set<string>, ownId: string}} given */
  constructor(place, given) {
    this.place = place;
    Object.assign(this, given);
  }

  /** @param {number | null} before @param {number} after versions */
  async open(before, after) {
    const [early, late, { comparison }] = await Promise.all([
      before ? request("GET", `${this.path}/${before}`) : null,
      request("GET", `${this.path}/${after}`),
      request("GET", `${this.path}/${after}/comparison${before ? `?before=${before}` : ""}`),
    ]);
    this.comparison = comparison;
    this.late = late;
    this.counting = this.versions.find(({ state }) => state === "approved") ?? null;
    this.place.replaceChildren(element("div", { class: "page compare" }, this.#head(early, late), this.#verdict(),
      element("div", { class: "compare-views" }, this.#side(early, t("Earlier")), this.#side(late, t("Later"))), this.#sky(late), this.#masks()));
    this.#link();
  }

  #head(early, late) {
    const isOpen = late.state === "draft" && late.version > (this.counting?.version ?? 0) && (early?.version ?? null) === (this.counting?.version ?? null);
    const acts = [];
    if (isOpen && this.allowed.has("plan.approve")) {
      if (late.drawn_by.id === this.ownId) acts.push(element("span", { class: "muted small" }, t("Your own drawing: somebody else decides.")));
      else acts.push(textButton(t("Refuse"), "", () => this.#refuse()), textButton(t("Approve"), "primary", () => this.#approve()));
    }
    return element("div", { class: "page-head" }, element("div", {},
      element("p", { class: "small" }, element("a", { href: address(this.camera.id) }, this.camera.name)),
      element("h1", {}, early ? t("Version {early} and version {late}", { early: early.version, late: late.version }) : t("Version {late}", { late: late.version })),
      element("p", { class: "muted" }, t("Drawn by {name}: {reason}", { name: late.drawn_by.name, reason: late.reason }))),
    element("div", { class: "acts" }, ...acts));
  }

  #verdict() {
    if (!this.comparison) return element("p", { class: "verdict" }, t("No plan counted before: everything was grey. Check that every dwelling is masked."));
    const { loosened, lost, gained, unit } = this.comparison;
    const amounts = t("Hidden until now and shown then: {lost}. Newly hidden: {gained}.", { lost: areaText(lost, unit), gained: areaText(gained, unit) });
    if (!loosened.length) return element("p", { class: "verdict is-tight" }, t("Nothing that is hidden now would be shown."), " ", amounts);
    return element("div", { class: "verdict is-loose", role: "alert" }, element("strong", {}, t("This plan may show what is hidden now.")),
      element("ul", {}, ...loosened.map((reason) => element("li", {}, looseningText(reason)))), amounts);
  }

  #side(version, title) {
    const head = element("h2", {}, version ? `${title}: ${t("version {version}", { version: version.version })}` : title, " ", version ? stateChip(version.state) : "");
    if (!version) return element("section", {}, head, element("p", { class: "empty" }, t("All grey")));
    if (!version.document) return element("section", {}, head, element("p", { class: "empty" }, t("No dwelling in sight: nothing is masked"), lookAgain(version)));
    const space = spaceOf(version.document);
    const changes = new Map((this.comparison?.masks ?? []).map(({ mask, change }) => [mask, change]));
    const view = /** @type {any} */ (document.createElement("mask-view"));
    Object.assign(view, {
      space,
      readOnly: true,
      masks: version.document.masks.map((mask) => ({ id: mask.id, ring: mask[space.key], look: CHANGED_LOOKS[changes.get(mask.id)] })),
      lost: sameKind(version, this.comparison) ? this.comparison?.lost_outlines ?? [] : [],
    });
    return element("section", {}, head, view);
  }

  #sky(late) {
    const space = late.document && spaceOf(late.document);
    if (!space?.moves) return null;
    const sky = /** @type {any} */ (document.createElement("panorama-view"));
    sky.masks = late.document.masks.map((mask) => ({ id: mask.id, ring: mask.polygon_deg }));
    sky.lost = this.comparison?.lost_outlines ?? [];
    return sky;
  }

  #link() {
    const views = /** @type {any[]} */ ([...this.place.querySelectorAll("mask-view")]);
    const sky = /** @type {any} */ (this.place.querySelector("panorama-view"));
    const look = (pose, from) => {
      for (const view of views) if (view !== from) view.pose = pose;
      if (sky) {
        sky.frame = views[views.length - 1].space.at(pose).view.frame_deg();
        sky.repaint();
      }
    };
    for (const view of views) view.addEventListener("pose", () => look(view.pose, view));
    sky?.addEventListener("look", (event) => {
      const { space, pose } = views[views.length - 1];
      look({ ...pose, ...space.optics.aim(event.detail) }, null);
    });
    const [first] = [...(this.comparison?.lost_outlines ?? []), ...(this.late.document?.masks ?? []).map((mask) => mask[views[views.length - 1]?.space.key])];
    const last = views[views.length - 1];
    if (first && last?.space.moves) look(last.space.poseFor(first, 6), null);
  }

  #masks() {
    if (!this.comparison) return null;
    const { masks, unit } = this.comparison;
    const columns = [t("Mask"), t("What happened"), t("Area before"), t("Area after"), t("Newly shown"), t("Newly hidden")].map((title, i) => ({ title, class: i > 1 ? "number" : "" }));
    const order = ["removed", "reduced", "moved", "added", "enlarged", "renamed", "unchanged"];
    const sorted = [...masks].sort((a, b) => order.indexOf(a.change) - order.indexOf(b.change));
    const rows = sorted.map((mask) => row([
      { content: [mask.mask] }, { content: [changeChip(mask.change)] },
      ...[mask.area_before, mask.area_after, mask.newly_shown, mask.newly_hidden].map((area) => ({ class: "number", content: [area ? areaText(area, unit) : "–"] })),
    ], { class: mask.change === "unchanged" ? "is-over" : "" }));
    return table(t("Changes mask by mask"), columns, rows, t("There is no mask."));
  }

  async #approve() {
    const isLoose = Boolean(this.comparison?.loosened.length);
    const confirm = element("label", { class: "check" }, element("input", { type: "checkbox", name: "confirms" }), t("I have seen what is marked red and it may be shown."));
    const done = await askForm({
      title: t("Approve version {version}?", { version: this.late.version }),
      lead: t("It counts for every picture from now on. Footage that exists stays as it was blanked."),
      fields: isLoose ? [element("p", { class: "form-error" }, t("This plan may show what is hidden now.")), confirm,
        labelled(t("Why it may be shown"), element("textarea", { name: "reason", maxLength: 1000 }))] : [],
      submitText: t("Approve"),
      danger: isLoose,
      submit: (data, form) => {
        if (isLoose && !data.get("confirms")) throw new FieldError(form, "confirms", t("Confirm that what is marked red may be shown."));
        return request("POST", `${this.path}/${this.late.version}/approve`,
          { compared_with: this.counting?.version ?? null, confirms_loosening: isLoose, reason: String(data.get("reason") ?? "") });
      },
    });
    if (done) location.assign(address(this.camera.id));
  }

  async #refuse() {
    const done = await askForm({
      title: t("Refuse version {version}?", { version: this.late.version }),
      fields: [labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }))],
      submitText: t("Refuse"),
      submit: (data) => request("POST", `${this.path}/${this.late.version}/refuse`, { reason: String(data.get("reason")).trim() }),
    });
    if (done) location.assign(address(this.camera.id));
  }
}

/** Outlines of what is lost can be drawn where they are in the version's own coordinates. */
function sameKind(version, comparison) {
  return comparison && (version.document.kind === "image") === (comparison.unit === "picture");
}

