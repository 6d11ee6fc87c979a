/**
 * Move a camera on its picture: drag for direction and speed, wheel for zoom, double click to centre. Put on a tile's layer with
 * connect(), taken off with disconnect().
 */

import { formatNumber } from "./i18n.js";
import { dragSpeed } from "./ptz-speed.js";

const SVG = "http://www.w3.org/2000/svg";
const WHEEL_SPEED = 0.6;
const WHEEL_REST_MS = 220;

export class PtzPointer {
  /**
   * @param {HTMLElement} layer lies over the picture
   * @param {import("./ptz-link.js").PtzLink} link
   * @param {() => boolean} mayCentre whether a double click centres here
   */
  constructor(layer, link, mayCentre) {
    this.layer = layer;
    this.link = link;
    this.mayCentre = mayCentre;
    this.press = null;
    this.wheelTimer = 0;
    this.handlers = {
      pointerdown: (event) => this.#atPress(event),
      pointermove: (event) => this.#atMove(event),
      pointerup: () => this.#end(),
      pointercancel: () => this.#end(),
      lostpointercapture: () => this.#end(),
      wheel: (event) => this.#atWheel(event),
      dblclick: (event) => this.#atDouble(event),
    };
  }

  connect() {
    this.layer.classList.add("is-steerable");
    for (const [kind, handler] of Object.entries(this.handlers)) this.layer.addEventListener(kind, handler, { passive: false });
  }

  disconnect() {
    this.#end();
    clearTimeout(this.wheelTimer);
    this.layer.classList.remove("is-steerable");
    for (const [kind, handler] of Object.entries(this.handlers)) this.layer.removeEventListener(kind, handler);
  }

  #atPress(event) {
    if (event.button !== 0) return;
    this.layer.setPointerCapture(event.pointerId);
    const box = this.layer.getBoundingClientRect();
    this.press = { x_px: event.clientX - box.left, y_px: event.clientY - box.top, box, isMoving: false };
  }

  #atMove(event) {
    if (!this.press) return;
    const { x_px, y_px, box } = this.press;
    const to_x_px = event.clientX - box.left;
    const to_y_px = event.clientY - box.top;
    const { pan, tilt, share } = dragSpeed(to_x_px - x_px, to_y_px - y_px, Math.min(box.width, box.height));
    if (!share && !this.press.isMoving) return;
    this.press.isMoving = true;
    this.link.move({ pan, tilt });
    this.#draw(x_px, y_px, to_x_px, to_y_px, share);
  }

  #end() {
    if (!this.press) return;
    const { isMoving } = this.press;
    this.press = null;
    this.layer.replaceChildren();
    if (isMoving) this.link.move({ pan: 0, tilt: 0 });
  }

  #atWheel(event) {
    event.preventDefault();
    const zoom = event.deltaY < 0 ? WHEEL_SPEED : -WHEEL_SPEED;
    this.link.move({ zoom });
    clearTimeout(this.wheelTimer);
    this.wheelTimer = setTimeout(() => this.link.move({ zoom: 0 }), WHEEL_REST_MS);
  }

  #atDouble(event) {
    if (!this.mayCentre()) return;
    event.preventDefault();
    const box = this.layer.getBoundingClientRect();
    const dx = (event.clientX - box.left) / box.width - 0.5;
    const dy = (event.clientY - box.top) / box.height - 0.5;
    this.link.act({ kind: "ptz.relative_view", dx, dy });
  }

  /** The line from where the drag began to the pointer: direction and speed as the hand feels them. */
  #draw(x_px, y_px, to_x_px, to_y_px, share) {
    const shapes = [
      shape("circle", { cx: x_px, cy: y_px, r: 5, class: "vector-start" }),
      shape("line", { x1: x_px, y1: y_px, x2: to_x_px, y2: to_y_px, class: "vector-line" }),
      shape("circle", { cx: to_x_px, cy: to_y_px, r: 9, class: "vector-end" }),
      shape("text", { x: to_x_px + 16, y: to_y_px + 4, class: "vector-text" }),
    ];
    shapes[3].textContent = `${formatNumber(share * 100)} %`;
    const svg = shape("svg", { class: "vector" });
    svg.append(...shapes);
    this.layer.replaceChildren(svg);
  }
}

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}
