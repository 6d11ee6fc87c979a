/** Keys of the mask editor; everything that the pointer does can be done without it. */

import { keyIsTaken } from "./shell.js";

const FINE = 0.1;
const COARSE = 10;

/**
 * @param {any} view a `<mask-view>`
 * @param {{undo: () => void, redo: () => void, save: () => void, next: (by: number) => void, rename: () => void}} acts
 */
export class MaskKeys {
  constructor(view, acts) {
    this.view = view;
    this.acts = acts;
    this.handler = (event) => this.#key(event);
  }

  connect() {
    addEventListener("keydown", this.handler);
  }

  disconnect() {
    removeEventListener("keydown", this.handler);
  }

  #key(event) {
    if ((event.ctrlKey || event.metaKey) && !document.querySelector("dialog[open]")) {
      const act = { z: event.shiftKey ? this.acts.redo : this.#back, y: this.acts.redo, s: this.acts.save }[event.key.toLowerCase()];
      if (act && !(event.target instanceof HTMLTextAreaElement && event.key !== "s")) {
        event.preventDefault();
        act.call(this);
      }
      return;
    }
    if (keyIsTaken(event)) return;
    if (this.#named(event.key) || this.#arrow(event)) event.preventDefault();
  }

  #back() {
    if (this.view.trail) this.view.pointer.takeBack();
    else this.acts.undo();
  }

  #named(key) {
    const { view } = this;
    const { draft, pointer } = view;
    if (view.trail && (key === "Enter" || key === "Escape" || key === "Backspace")) {
      ({ Enter: () => pointer.finish(), Escape: () => pointer.cancel(), Backspace: () => pointer.takeBack() })[key]();
      return true;
    }
    const found = {
      n: () => pointer.begin(),
      Escape: () => draft.select(-1),
      Delete: () => this.#remove(),
      Backspace: () => this.#remove(),
      "]": () => this.acts.next(1),
      "[": () => this.acts.next(-1),
      p: () => draft.mask && draft.select(draft.selected, (draft.point + 1) % draft.mask.ring.length),
      i: () => draft.mask && draft.point >= 0 && this.#insert(),
      F2: () => draft.mask && this.acts.rename(),
      "+": () => this.#zoom(0.05),
      "-": () => this.#zoom(-0.05),
    }[key];
    found?.();
    return Boolean(found);
  }

  #remove() {
    const { draft } = this.view;
    if (!draft.mask) return;
    if (draft.point < 0 || !draft.removePoint(draft.selected, draft.point)) draft.remove(draft.selected);
  }

  #insert() {
    const { draft, space } = this.view;
    const { ring } = draft.mask;
    draft.insertPoint(draft.selected, draft.point, space.between(ring[draft.point], ring[(draft.point + 1) % ring.length]));
  }

  #zoom(by) {
    if (this.view.space.moves) this.view.turn({ ...this.view.pose, zoom: this.view.pose.zoom + by });
  }

  #arrow(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!x && !y) return false;
    const { view } = this;
    const { draft, space } = view;
    if (!draft?.mask) {
      if (!space.moves) return false;
      const step_deg = (event.shiftKey ? 0.5 : 5) * Math.max(0.02, 1 - view.pose.zoom);
      view.turn({ ...view.pose, pan_deg: view.pose.pan_deg + x * step_deg, tilt_deg: view.pose.tilt_deg + y * step_deg });
      return true;
    }
    const step = space.nudge * (event.shiftKey ? COARSE : 1) * (event.repeat ? 1 + FINE : 1);
    const up = space.moves ? y : -y;
    const { ring } = draft.mask;
    const moved = (point) => [point[0] + x * step, point[1] + up * step].map((value) => Math.round(value * 1e5) / 1e5);
    const next = draft.point >= 0 ? ring.map((point, i) => (i === draft.point ? moved(point) : point)) : space.moved(ring, ring[0], moved(ring[0]));
    draft.setRing(draft.selected, next);
    return true;
  }
}
