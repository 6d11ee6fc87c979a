/**
 * `<panorama-view>`: everything around the camera at once (azimuth across, elevation up), with all masks and the frame of the present view.
 * Click or drag to look there: fires `look` with the direction in `detail`.
 */

import { formatNumber } from "./i18n.js";
import { COLOURS, FONT, paintLost, path } from "./mask-paint.js";
import { anglesOf, arc, directionOf } from "./plan-optics.js";

const STEP_DEG = 2;
const LOWEST_DEG = -60;
const HIGHEST_DEG = 20;
const ROOM_DEG = 8;
const SCALE_PX = 10;

export class PanoramaView extends HTMLElement {
  /** @type {{id: string, ring: [number, number][]}[]} */
  masks = [];
  proposals = [];
  lost = [];
  chosen = -1;
  /** @type {[number, number][] | null} directions of the frame's edge */
  frame = null;
  /** @type {[number, number] | null} lowest and highest elevation that the camera can see, where that is known */
  reach = null;
  #waits = false;
  #drags = false;

  connectedCallback() {
    if (!this.canvas) {
      this.canvas = document.createElement("canvas");
      this.append(this.canvas);
    }
    this.observer = new ResizeObserver(() => this.repaint());
    this.observer.observe(this);
    this.addEventListener("pointerdown", this.#down);
    this.addEventListener("pointermove", this.#move);
    this.addEventListener("pointerup", this.#up);
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.removeEventListener("pointerdown", this.#down);
    this.removeEventListener("pointermove", this.#move);
    this.removeEventListener("pointerup", this.#up);
  }

  repaint() {
    if (this.#waits) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      if (this.isConnected) this.#paint();
    });
  }

  /** Lowest and highest elevation shown. */
  get band() {
    const heights = [...this.masks, ...this.proposals].flatMap(({ ring }) => ring.map((point) => point[1]));
    return [Math.max(-90, Math.min(LOWEST_DEG, ...heights.map((height) => height - ROOM_DEG))), Math.min(90, Math.max(HIGHEST_DEG, ...heights.map((height) => height + ROOM_DEG)))];
  }

  #down = (event) => {
    this.#drags = true;
    this.setPointerCapture(event.pointerId);
    this.#look(event);
  };

  #move = (event) => {
    if (this.#drags) this.#look(event);
  };

  #up = () => {
    this.#drags = false;
  };

  #look(event) {
    const box = this.getBoundingClientRect();
    const [low, high] = this.band;
    const azimuth = ((event.clientX - box.left) / box.width) * 360 - 180;
    const elevation = high - ((event.clientY - box.top) / box.height) * (high - low);
    this.dispatchEvent(new CustomEvent("look", { detail: [azimuth, Math.min(high, Math.max(low, elevation))] }));
  }

  #paint() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.clientWidth, this.clientHeight];
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = COLOURS.ground;
    context.fillRect(0, 0, width, height);
    const [low, high] = this.band;
    const across = width / 360;
    const up = height / (high - low);
    const toPixel = ([azimuth, elevation]) => [(azimuth + 180) * across, (high - elevation) * up];
    this.#paintReach(context, toPixel);
    paintScale(context, toPixel, width, height, low, high);
    for (const { ring } of this.proposals) paintFlat(context, ring, toPixel, { fill: "rgb(179 157 219 / 20%)", stroke: COLOURS.proposed });
    this.masks.forEach(({ ring }, i) => paintFlat(context, ring, toPixel, { fill: COLOURS.mask, stroke: i === this.chosen ? COLOURS.chosen : COLOURS.edge }));
    paintLost(context, this.lost.flatMap((ring) => [-360, 0, 360].map((shift) => unrolled(ring).map(([azimuth, elevation]) => toPixel([azimuth + shift, elevation])))));
    if (this.frame) paintFlat(context, this.frame, toPixel, { stroke: "#eef2f5" });
  }

  #paintReach(context, toPixel) {
    if (!this.reach) return;
    const [low, high] = this.reach;
    const [, top] = toPixel([0, high]);
    const [, bottom] = toPixel([0, low]);
    context.fillStyle = "#12171b";
    context.fillRect(0, top, this.clientWidth, bottom - top);
    line(context, [0, top], [this.clientWidth, top], COLOURS.horizon);
    line(context, [0, bottom], [this.clientWidth, bottom], COLOURS.horizon);
  }
}

function paintScale(context, toPixel, width, height, low, high) {
  context.font = `${SCALE_PX}px ${FONT}`;
  context.lineWidth = 1;
  for (let azimuth = -180; azimuth < 180; azimuth += 30) {
    const [x] = toPixel([azimuth, 0]);
    line(context, [x, 0], [x, height], COLOURS.net);
    context.fillStyle = COLOURS.netText;
    context.fillText(`${formatNumber(azimuth)}°`, x + 3, height - 4);
  }
  for (let elevation = Math.ceil(low / 15) * 15; elevation <= high; elevation += 15) {
    const [, y] = toPixel([0, elevation]);
    line(context, [0, y], [width, y], elevation ? COLOURS.net : COLOURS.horizon);
    context.fillStyle = COLOURS.netText;
    if (y < height - 24) context.fillText(`${formatNumber(elevation)}°`, 3, y - 3);
  }
}

function line(context, from, to, colour) {
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function paintFlat(context, ring, toPixel, { fill, stroke }) {
  const flat = unrolled(ring);
  for (const shift of [-360, 0, 360]) {
    context.beginPath();
    path(context, flat.map(([azimuth, elevation]) => toPixel([azimuth + shift, elevation])));
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    context.strokeStyle = stroke;
    context.lineWidth = 1.2;
    context.stroke();
  }
}

/** A ring on the sphere as a flat one whose azimuth runs on over the seam; round a pole it is closed along the edge of the map. */
export function unrolled(ring) {
  const corners = ring.map(directionOf);
  const points = corners.flatMap((corner, i) => arc(corner, corners[(i + 1) % corners.length], STEP_DEG)).map(anglesOf);
  let turn = 0;
  const flat = points.map((point, i) => {
    if (i) {
      const step = point[0] - points[i - 1][0];
      if (Math.abs(step) > 180) turn -= Math.sign(step) * 360;
    }
    return [point[0] + turn, point[1]];
  });
  const closing = points[0][0] - points[points.length - 1][0];
  if (Math.abs(closing) > 180) turn -= Math.sign(closing) * 360;
  if (!turn) return flat;
  const pole = flat.reduce((sum, point) => sum + point[1], 0) < 0 ? -90 : 90;
  return [...flat, [flat[0][0] + turn, flat[0][1]], [flat[0][0] + turn, pole], [flat[0][0], pole]];
}

customElements.define("panorama-view", PanoramaView);
