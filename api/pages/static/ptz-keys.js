/** Move a camera by keys: it goes while the key is down, and stops when it comes up or the window loses the keyboard. */

import { keyIsTaken } from "./shell.js";

const SPEED = 0.5;
const SPEED_FINE = 0.15;

/** @type {Record<string, {axis: "pan" | "tilt" | "zoom", sign: number}>} */
const KEYS = {
  ArrowLeft: { axis: "pan", sign: -1 },
  ArrowRight: { axis: "pan", sign: 1 },
  ArrowUp: { axis: "tilt", sign: 1 },
  ArrowDown: { axis: "tilt", sign: -1 },
  "+": { axis: "zoom", sign: 1 },
  "=": { axis: "zoom", sign: 1 },
  "-": { axis: "zoom", sign: -1 },
  _: { axis: "zoom", sign: -1 },
};

export class PtzKeys {
  /** @param {import("./ptz-link.js").PtzLink} link */
  constructor(link) {
    this.link = link;
    /** @type {Map<string, string>} code of the key that is down -> axis */
    this.down = new Map();
    this.atDown = (event) => this.#atDown(event);
    this.atUp = (event) => this.#atUp(event);
    this.atBlur = () => this.down.clear();
  }

  connect() {
    addEventListener("keydown", this.atDown);
    addEventListener("keyup", this.atUp);
    addEventListener("blur", this.atBlur);
  }

  disconnect() {
    removeEventListener("keydown", this.atDown);
    removeEventListener("keyup", this.atUp);
    removeEventListener("blur", this.atBlur);
    this.down.clear();
  }

  #atDown(event) {
    const key = KEYS[event.key];
    if (!key || keyIsTaken(event)) return;
    event.preventDefault();
    if (this.down.has(event.code)) return;
    this.down.set(event.code, key.axis);
    this.link.move({ [key.axis]: key.sign * (event.shiftKey ? SPEED_FINE : SPEED) });
  }

  #atUp(event) {
    const axis = this.down.get(event.code);
    if (!axis) return;
    this.down.delete(event.code);
    this.link.move({ [axis]: 0 });
  }
}
