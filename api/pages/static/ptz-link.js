/**
 * Send movement to one camera: repeated while it lasts, stopped for certain when it ends, never more than one request under way.
 *
 * The worker stops by itself when nothing comes for 500 ms; the repetition keeps it going, and its absence is the last safety.
 */

import { request } from "./api.js";

const REPEAT_MS = 200;

/** @typedef {{pan: number, tilt: number, zoom: number}} Speed each -1..1: right, up, in */

export class PtzLink {
  /**
   * @param {string} placementId
   * @param {{onSpeed: (speed: Speed) => void, onError: (error: any) => void, onAnswer: (answer: any) => void}} listener
   */
  constructor(placementId, listener) {
    this.address = `/api/placements/${encodeURIComponent(placementId)}/ptz`;
    this.listener = listener;
    /** @type {Speed} */
    this.speed = { pan: 0, tilt: 0, zoom: 0 };
    this.timer = 0;
    /** @type {Promise<void>} */
    this.last = Promise.resolve();
    this.isSending = false;
    this.atHide = () => this.stop();
    this.atVisibility = () => document.hidden && this.stop();
  }

  connect() {
    addEventListener("blur", this.atHide);
    addEventListener("pagehide", this.atHide);
    document.addEventListener("visibilitychange", this.atVisibility);
  }

  disconnect() {
    this.stop();
    removeEventListener("blur", this.atHide);
    removeEventListener("pagehide", this.atHide);
    document.removeEventListener("visibilitychange", this.atVisibility);
  }

  /** @param {Partial<Speed>} change axes that change; the others go on */
  move(change) {
    this.speed = { ...this.speed, ...change };
    const { pan, tilt, zoom } = this.speed;
    if (!pan && !tilt && !zoom) {
      this.stop();
      return;
    }
    this.listener.onSpeed(this.speed);
    if (!this.timer) {
      this.timer = setInterval(() => this.#repeat(), REPEAT_MS);
      this.#repeat();
    }
  }

  stop() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.speed = { pan: 0, tilt: 0, zoom: 0 };
    this.listener.onSpeed(this.speed);
    // Behind what is under way, so that no movement can arrive after the stop; keepalive outlives the page.
    this.last = this.last.then(() => this.#send({ kind: "ptz.stop" }, true));
  }

  /** @param {Record<string, any>} command a single act: preset, centring */
  act(command) {
    this.last = this.last.then(() => this.#send(command, false));
    return this.last;
  }

  #repeat() {
    if (this.isSending) return;
    const command = { kind: "ptz.continuous", ...this.speed };
    this.isSending = true;
    this.last = this.#send(command, false).finally(() => {
      this.isSending = false;
    });
  }

  async #send(command, keepalive) {
    try {
      this.listener.onAnswer(await request("POST", this.address, command, { keepalive }));
    } catch (error) {
      clearInterval(this.timer);
      this.timer = 0;
      this.speed = { pan: 0, tilt: 0, zoom: 0 };
      this.listener.onSpeed(this.speed);
      this.listener.onError(error);
    }
  }
}
