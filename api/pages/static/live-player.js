/**
 * <live-player placement="id">: the live picture of one placement.
 *
 * Fires `condition` with {link, state, reason, age_ms, isStale, codec} when something changes and once a second. A picture that
 * has stopped is reported as stale, whatever the connection says: nobody may take a still for live.
 */

import { serverNow_ms } from "./api.js";
import { LiveBuffer } from "./live-buffer.js";
import { LiveSocket } from "./live-socket.js";

const STALE_MS = 2000;
const WATCH_MS = 500;

export class LivePlayer extends HTMLElement {
  constructor() {
    super();
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.disablePictureInPicture = true;
    this.video.disableRemotePlayback = true;
    this.video.tabIndex = -1;
    /** @type {LiveSocket | null} */
    this.socket = null;
    /** @type {LiveBuffer | null} */
    this.buffer = null;
    this.watch = 0;
    this.condition = { link: "connecting", retryIn_ms: 0, state: "", reason: "", shedding: "", age_ms: null, isStale: true, hasPicture: false, unplayable: "" };
    this.shown_ms = 0;
    this.atVisibility = () => this.#atVisibility();
  }

  connectedCallback() {
    this.append(this.video);
    document.addEventListener("visibilitychange", this.atVisibility);
    this.watch = setInterval(() => this.#look(), WATCH_MS);
    if (!document.hidden) this.#open();
  }

  disconnectedCallback() {
    this.#close();
    clearInterval(this.watch);
    document.removeEventListener("visibilitychange", this.atVisibility);
    this.video.remove();
  }

  /** Nobody looks at a hidden page: stop the stream, so that the log says so too. */
  #atVisibility() {
    if (document.hidden) this.#close();
    else if (!this.socket) this.#open();
  }

  #open() {
    this.shown_ms = performance.now();
    this.buffer = new LiveBuffer(this.video, (codec) => this.#change({ unplayable: codec }));
    this.socket = new LiveSocket(this.getAttribute("placement") || "", {
      onInit: (init) => this.buffer.setInit(init),
      onFrame: (frame) => this.buffer.push(frame),
      onState: ({ state, reason, shedding }) => this.#change({ state, reason: reason || "", shedding: shedding || "" }),
      onNotice: (notice) => this.dispatchEvent(new CustomEvent("told", { detail: notice, bubbles: true })),
      onLink: (link, retryIn_ms) => this.#change({ link, retryIn_ms }),
    });
    this.socket.connect();
    this.#follow();
  }

  #close() {
    this.socket?.disconnect();
    this.buffer?.close();
    this.socket = null;
    this.buffer = null;
    this.#change({ link: "connecting", isStale: true, hasPicture: false, age_ms: null });
  }

  /** Note each picture that is really shown, and how old it is. */
  #follow() {
    const buffer = this.buffer;
    this.video.requestVideoFrameCallback((_now, { mediaTime }) => {
      if (this.buffer !== buffer) return;
      this.shown_ms = performance.now();
      const captured_ms = buffer.capturedAt_ms(mediaTime);
      this.condition.age_ms = captured_ms === null ? null : Math.max(0, serverNow_ms() - captured_ms);
      if (this.condition.isStale || !this.condition.hasPicture) this.#change({ isStale: false, hasPicture: true });
      this.#follow();
    });
  }

  #look() {
    const still_ms = performance.now() - this.shown_ms;
    this.#change({ isStale: still_ms > STALE_MS || !this.condition.hasPicture, still_ms });
  }

  #change(news) {
    Object.assign(this.condition, news);
    this.dispatchEvent(new CustomEvent("condition", { detail: this.condition }));
  }
}

customElements.define("live-player", LivePlayer);
