/**
 * `<mask-view>`: the picture of a plan at a pose, on which masks are drawn. Set `space` first, then the rest; `readOnly` shows only.
 * Fires `pose` when the person turns or zooms the view.
 *
 * The background is a clean slot: `backdrops` takes pictures of this camera from anybody who may have them, with the pose at which each was
 * taken; the last that fits the frame is drawn on top. Nothing here asks for or keeps a picture.
 */

import { t } from "./i18n.js";
import { MaskPointer } from "./mask-pointer.js";
import { COLOURS, paintBackdrop, paintHandles, paintLost, paintName, paintNet, paintRing, paintTrail } from "./mask-paint.js";

/** @typedef {{image: CanvasImageSource, pan_deg: number, tilt_deg: number, zoom: number, width: number, height: number}} Backdrop */

const LEAST_TILT_DEG = -90;

export class MaskView extends HTMLElement {
  /** @type {any} */
  space = null;
  /** @type {import("./plan-draft.js").PlanDraft | null} */
  draft = null;
  readOnly = false;
  /** Shows only, and leaves the pointer to whoever holds it. */
  still = false;
  /** @type {any[]} masks to show when there is no draft: {id, ring, look?} */
  masks = [];
  /** @type {[number, number][][]} */
  lost = [];
  /** @type {any[]} proposed masks: {id, ring} */
  proposals = [];
  /** @type {Map<string, number | null>} mask id -> the point that is wrong */
  wrong = new Map();
  #pose = { pan_deg: 0, tilt_deg: 0, zoom: 0 };
  /** @type {Backdrop[]} */
  #backdrops = [];
  /** @type {[number, number][] | null} points of a mask that is being drawn */
  trail = null;
  #waits = false;

  connectedCallback() {
    if (!this.canvas) {
      this.canvas = document.createElement("canvas");
      this.append(this.canvas);
    }
    this.observer = new ResizeObserver(() => this.repaint());
    this.observer.observe(this);
    this.pointer = new MaskPointer(this);
    if (!this.still) this.pointer.connect();
    this.repaint();
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.pointer.disconnect();
  }

  get pose() {
    return this.#pose;
  }

  set pose(pose) {
    this.#pose = {
      pan_deg: ((((pose.pan_deg + 180) % 360) + 360) % 360) - 180,
      tilt_deg: Math.min(90, Math.max(LEAST_TILT_DEG, pose.tilt_deg)),
      zoom: Math.min(1, Math.max(0, pose.zoom)),
    };
    this.repaint();
  }

  /** Turn by the person's hand: everybody who shows the pose hears of it. */
  turn(pose) {
    this.pose = pose;
    this.dispatchEvent(new Event("pose"));
  }

  get backdrops() {
    return this.#backdrops;
  }

  set backdrops(backdrops) {
    this.#backdrops = backdrops;
    this.repaint();
  }

  /** Canvas pixels a frame pixel, and where the frame begins. */
  get fit() {
    const { width, height } = this.space.frame;
    const [wide, high] = [this.clientWidth || 1, this.clientHeight || 1];
    const scale = Math.min(wide / width, high / height);
    return { scale, left: (wide - width * scale) / 2, top: (high - height * scale) / 2 };
  }

  /** @param {MouseEvent} event @returns {[number, number]} frame pixels */
  frameOf(event) {
    const box = this.getBoundingClientRect();
    const { scale, left, top } = this.fit;
    return [(event.clientX - box.left - left) / scale, (event.clientY - box.top - top) / scale];
  }

  /** Paint again with the next picture of the screen. */
  repaint() {
    if (this.#waits || !this.space) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      if (this.isConnected) this.#paint();
    });
  }

  #paint() {
    const ratio = devicePixelRatio || 1;
    const { scale, left, top } = this.fit;
    const canvas = this.canvas;
    canvas.width = Math.round(this.clientWidth * ratio);
    canvas.height = Math.round(this.clientHeight * ratio);
    const context = canvas.getContext("2d");
    const line_px = 1 / scale;
    const { width, height } = this.space.frame;
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * left, ratio * top);
    context.fillStyle = COLOURS.ground;
    context.fillRect(0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    const at = this.space.at(this.#pose);
    for (const backdrop of this.#backdrops) paintBackdrop(context, this.space, at, backdrop);
    if (at.view) paintNet(context, at, line_px);
    this.#paintMasks(context, at, line_px);
    context.restore();
    context.lineWidth = line_px;
    context.strokeStyle = "#2a3036";
    context.strokeRect(0, 0, width, height);
  }

  #paintMasks(context, at, line_px) {
    const chosen = this.draft?.selected ?? -1;
    const masks = this.draft?.masks ?? this.masks;
    for (const { ring, id } of this.proposals) {
      paintRing(context, at, ring, { fill: "rgb(179 157 219 / 16%)", stroke: COLOURS.proposed, line_px: 1.5 * line_px, dash: [5, 4] });
    }
    /** @type {{ring: any, id: string}[]} */
    const seen = [];
    masks.forEach(({ ring, id, look }, i) => {
      const stroke = this.wrong.has(id) ? COLOURS.wrong : i === chosen ? COLOURS.chosen : look?.stroke ?? COLOURS.edge;
      const isShown = paintRing(context, at, ring, { fill: look?.fill ?? COLOURS.mask, stroke, line_px: (i === chosen ? 2 : 1) * line_px });
      if (isShown && i !== chosen) seen.push({ ring, id });
      else if (isShown) seen.unshift({ ring, id });
    });
    /** @type {number[][]} */
    const taken = [];
    if (!this.still) for (const { ring, id } of seen) paintName(context, at, ring, id, line_px, taken);
    for (const { ring, id } of this.proposals) paintName(context, at, ring, id, line_px, taken, "#d9cdf0");
    paintLost(context, this.lost.map((ring) => at.outline(ring)));
    const mask = this.draft?.mask;
    if (mask && !this.readOnly && !this.trail) {
      paintHandles(context, at, this.space, mask.ring, this.draft.point, this.wrong.get(mask.id), line_px);
    }
    if (this.trail) paintTrail(context, at, this.trail, this.pointer.at, line_px);
    this.canvas.setAttribute("aria-label", t("{count} masks", { count: masks.length }));
  }
}

customElements.define("mask-view", MaskView);
