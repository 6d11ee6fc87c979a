/**
 * Drawing the masks of one camera: the view, the panorama, previews, the list, what is wrong and what changes, saving.
 *
 * Pictures come from outside: whatever stands in `#backdrop-slot` may fire `backdrop` (bubbling) with `{image, pan_deg, tilt_deg, zoom, width,
 * height}` in `detail`, or null to take it away; editor-picture.js puts the commissioning view there. This module neither asks for a picture nor keeps one longer than it is shown.
 */

import { keepWhile, request } from "./api.js";
import { labelled } from "./dialog.js";
import { element, icon, iconButton } from "./dom.js";
import { offerPicture } from "./editor-picture.js";
import { t } from "./i18n.js";
import { MaskKeys } from "./mask-keys.js";
import { MaskList } from "./mask-list.js";
import "./mask-view.js";
import { notice, noticeError } from "./notices.js";
import "./panorama-view.js";
import { ChangeNote } from "./plan-changes.js";
import { askBegin, beginWith } from "./plan-begin.js";
import { PlanDraft } from "./plan-draft.js";
import { spaceOf } from "./plan-space.js";
import { address } from "./plans-list.js";
import { poseBar } from "./pose-bar.js";
import "./preview-strip.js";
import { ProposalList } from "./proposal-list.js";
import { explainKeys } from "./shell.js";

const CHECK_AFTER_MS = 350;
const CHECK_AGAIN_MS = 5000;

export class PlanEditor {
  /** @param {HTMLElement} place @param {{camera: any, path: string, versions: any[]}} given */
  constructor(place, { camera, path, versions }) {
    this.place = place;
    this.camera = camera;
    this.path = path;
    this.versions = versions;
    this.checks = 0;
  }

  /** @param {number | null} version to begin with @param {boolean} isRemeasured by the optics of the last calibration */
  async open(version, isRemeasured) {
    const begin = await beginWith(this, version);
    const template = this.camera.calibration?.template;
    if (begin && isRemeasured && template) begin.document = { ...template, masks: begin.document.masks };
    if (begin) this.#start(begin);
    else askBegin(this.place, this.camera, (found) => this.#start(found));
  }

  #start(begin) {
    document.body.classList.add("fills");
    this.space = spaceOf(begin.document);
    this.draft = new PlanDraft(begin.document, begin.origins, this.space);
    this.#build();
    this.#link();
    if (this.space.moves && this.draft.masks[0]) this.view.turn({ ...this.space.poseFor(this.draft.masks[0].ring), zoom: 0 });
    this.#refresh();
    this.#check();
    if (begin.isResized) notice(t("The camera's picture has another size than this version's: check where each mask lies."));
  }

  #build() {
    this.view = /** @type {any} */ (document.createElement("mask-view"));
    Object.assign(this.view, { space: this.space, draft: this.draft, tabIndex: 0 });
    this.view.setAttribute("role", "application");
    this.view.setAttribute("aria-label", t("Masks in the camera's view"));
    this.names = element("ol", { class: "mask-list" });
    this.hint = element("p", { class: "hint muted small" });
    this.changes = new ChangeNote(element("div", { class: "changes", "aria-live": "polite" }));
    this.reason = /** @type {HTMLTextAreaElement} */ (element("textarea", { maxLength: 2000, placeholder: t("For example: new balcony at number 12") }));
    this.save = element("button", { type: "button", class: "primary", disabled: true, on: { click: () => this.#save() } }, t("Save as a draft"));
    this.undo = iconButton("undo", t("Undo"), { class: "square", on: { click: () => this.draft.undo() } });
    this.redo = iconButton("redo", t("Redo"), { class: "square", on: { click: () => this.draft.redo() } });
    this.add = element("button", { type: "button", on: { click: () => this.view.pointer.begin() } }, icon("plus"), t("New mask"));
    const file = element("input", { type: "file", accept: ".geojson,.json,application/geo+json", hidden: true, on: { change: () => this.#import(file) } });
    const proposals = element("input", { type: "file", accept: ".geojson,.json,application/geo+json", hidden: true, class: "proposal-file", on: { change: () => this.#propose(proposals) } });
    const proposalPlace = element("div", {});
    const side = element("aside", { class: "editor-side", "aria-label": t("Masks") }, element("p", { class: "small" }, element("a", { href: address(this.camera.id) }, t("Versions"))),
      element("h1", {}, this.camera.name), element("div", { class: "editor-tools" }, this.add, this.undo, this.redo), this.names,
      proposalPlace,
      element("div", { class: "editor-files" }, element("button", { type: "button", class: "small", on: { click: () => file.click() } }, t("Import masks")), file,
        element("button", { type: "button", class: "small", title: t("A file of vms masks propose"), on: { click: () => proposals.click() } }, t("Proposals")), proposals));
    const main = element("section", { class: "editor-main" }, this.hint, this.view);
    if (this.space.moves) {
      this.sky = /** @type {any} */ (document.createElement("panorama-view"));
      this.sky.reach = this.space.reach(this.camera.tilt_range_deg);
      main.append(poseBar(this.view), this.sky);
    }
    const check = element("aside", { class: "editor-check", "aria-label": t("Check") }, element("h2", {}, t("Check")), this.changes.place,
      element("div", { id: "backdrop-slot", dataset: { placement: this.camera.id } }));
    if (this.space.moves) {
      this.previews = /** @type {any} */ (document.createElement("preview-strip"));
      this.previews.space = this.space;
      check.append(element("h2", {}, t("At other poses")), this.previews);
    }
    check.append(element("div", { class: "editor-save" }, labelled(t("Why it is drawn or changed"), this.reason), this.save));
    this.place.replaceChildren(element("div", { class: "editor" }, side, main, check));
    this.proposals = new ProposalList(proposalPlace, {
      go: (ring) => this.space.moves && this.view.turn(this.space.poseFor(ring, 4)),
      accept: (proposal) => this.draft.add(proposal.ring, { id: this.#freeName(proposal.id), origin: { ...proposal.origin, proposal: proposal.id, proposed: proposal.sha256 } }),
      reject: (proposal, reason) => request("POST", `/api/placements/${encodeURIComponent(this.camera.id)}/proposals/reject`,
        { mask: proposal.id, outline: proposal.ring, register_id: proposal.origin?.register_id ?? null, reason }),
      changed: (left) => {
        this.view.proposals = left;
        this.view.repaint();
      },
    });
    this.list = new MaskList(this.names, this.draft, (index) => this.#goTo(index));
  }

  #link() {
    const { view, draft } = this;
    draft.addEventListener("change", () => this.#changed());
    for (const name of ["select", "preview"]) draft.addEventListener(name, () => this.#refresh());
    view.addEventListener("pose", () => this.#refresh());
    view.addEventListener("trail", () => this.#refresh());
    this.sky?.addEventListener("look", (event) => view.turn({ ...view.pose, ...this.space.optics.aim(event.detail) }));
    this.previews?.addEventListener("look-pose", (event) => view.turn(event.detail));
    const slot = document.getElementById("backdrop-slot");
    const show = (backdrop) => {
      view.backdrops = backdrop ? [backdrop] : [];
      this.#refresh();
    };
    slot.addEventListener("backdrop", (event) => show(event.detail));
    offerPicture(slot, this.camera.id, show).catch(noticeError);
    new MaskKeys(view, {
      undo: () => draft.undo(),
      redo: () => draft.redo(),
      save: () => this.#save(),
      next: (by) => this.#next(by),
      rename: () => this.list.rename(draft.selected),
    }).connect();
    explainKeys([
      ["N", t("new mask; click its points, Enter ends it, Esc drops it")],
      ["← → ↑ ↓", t("move the chosen point or mask (Shift: further); without one, turn the view")],
      ["[ ]", t("mask before, mask after")], ["P", t("next point of the chosen mask")], ["I", t("insert a point after the chosen one")],
      ["Del", t("remove the chosen point or mask")], ["+ -", t("zoom")], ["F2", t("rename the chosen mask")],
      ["Ctrl+Z Ctrl+Y", t("undo, redo")], ["Ctrl+S", t("save as a draft")],
    ]);
    const isUnsaved = () => draft.isChanged && !this.isSaved;
    keepWhile(isUnsaved);
    addEventListener("beforeunload", (event) => isUnsaved() && event.preventDefault());
  }

  #next(by) {
    const count = this.draft.masks.length;
    if (!count) return;
    const index = (this.draft.selected + by + count) % count;
    this.draft.select(index);
    this.#goTo(index);
  }

  #goTo(index) {
    if (this.space.moves) this.view.turn(this.space.poseFor(this.draft.masks[index].ring, 4));
    this.view.focus({ preventScroll: true });
  }

  #changed() {
    this.#refresh();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#check(), CHECK_AFTER_MS);
  }

  #refresh() {
    const { view, draft } = this;
    view.repaint();
    this.undo.disabled = !draft.before.length;
    this.redo.disabled = !draft.after.length;
    this.hint.textContent = this.#hint();
    if (this.sky) {
      Object.assign(this.sky, { masks: draft.masks, chosen: draft.selected, proposals: view.proposals, lost: view.lost, frame: this.space.at(view.pose).view.frame_deg() });
      this.sky.repaint();
    }
    this.previews?.show(draft.masks, view.pose, draft.mask, view.backdrops);
  }

  #hint() {
    if (this.view.trail) return t("Click round the dwelling; the first point, Enter or a double click closes the mask, Esc drops it.");
    if (this.draft.mask) return t("Drag points or the whole mask; drag the middle of an edge, or double-click it, for a new point; Del removes.");
    return this.space.moves ? t("Drag to turn, wheel to zoom, click a mask to choose it, N for a new one.") : t("Click a mask to choose it, N for a new one.");
  }

  async #check() {
    this.checks += 1;
    const mine = this.checks;
    try {
      const found = await request("POST", this.path, { document: this.draft.document(), origins: this.draft.origins(), only_check: true });
      if (mine !== this.checks) return;
      this.view.wrong = new Map(found.problems.filter(({ mask }) => mask).map(({ mask, point }) => [mask, point]));
      this.view.lost = found.comparison?.lost_outlines ?? [];
      this.list.wrong = this.view.wrong;
      this.list.show();
      this.changes.show(found, this.draft.isChanged || !this.versions.length, (mask) => this.#goTo(this.draft.masks.findIndex(({ id }) => id === mask)));
      this.save.disabled = found.problems.length > 0;
      this.#refresh();
    } catch (error) {
      if (mine !== this.checks) return;
      this.changes.fail(error);
      // Nobody could save otherwise, until something else is drawn.
      if (error.code === "network") this.timer = setTimeout(() => this.#check(), CHECK_AGAIN_MS);
    }
  }

  async #import(file) {
    try {
      const features = JSON.parse(await file.files[0].text());
      const read = await request("POST", this.path, { document: { ...this.draft.document(), masks: [] }, features, only_check: true });
      this.draft.load(read.document, read.origins);
      notice(t("The masks of the file took the place of those that were there. Undo brings them back."), "ok");
    } catch (error) {
      noticeError(error instanceof SyntaxError ? new Error(t("This file is no JSON.")) : error);
    } finally {
      file.value = "";
    }
  }

  /** Take proposals from a file; those that are masked already are left out, those that were rejected before come last. */
  async #propose(file) {
    try {
      const features = JSON.parse(await file.files[0].text());
      const { document: read, origins, proposals: known } = await request("POST", this.path, { document: { ...this.draft.document(), masks: [] }, features, only_check: true });
      const masked = new Set(this.draft.masks.map(({ origin }) => origin?.proposal ?? origin?.register_id).filter(Boolean));
      const found = read.masks.map((mask) => ({ id: mask.id, ring: mask[this.space.key], origin: origins[mask.id] ?? null, ...known[mask.id] }))
        .filter(({ id, origin }) => !masked.has(id) && !masked.has(origin?.register_id));
      this.proposals.show([...found.filter(({ rejected }) => !rejected), ...found.filter(({ rejected }) => rejected)]);
      if (!this.proposals.left.length) notice(t("The file proposes nothing that is not masked already."));
    } catch (error) {
      noticeError(error instanceof SyntaxError ? new Error(t("This file is no JSON.")) : error);
    } finally {
      file.value = "";
    }
  }

  #freeName(name) {
    return this.draft.masks.some(({ id }) => id === name) ? this.draft.freeName() : name;
  }

  async #save() {
    if (this.save.disabled) return;
    this.save.disabled = true;
    try {
      const made = await request("POST", this.path, { document: this.draft.document(), origins: this.draft.origins(), reason: this.reason.value });
      this.isSaved = true;
      location.assign(`${address(this.camera.id)}&compare=${this.versions.find(({ state }) => state === "approved")?.version ?? 0}-${made.version}`);
    } catch (error) {
      this.reason.toggleAttribute("aria-invalid", error.code === "plan.reason");
      if (error.code === "plan.reason") this.reason.focus();
      noticeError(error);
      this.save.disabled = false;
    }
  }
}
