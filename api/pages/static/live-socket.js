/** One placement's live stream over a WebSocket: messages taken apart, connection made again with growing pauses. */

import { announce, sessionOver } from "./api.js";

const KIND_INIT = 1;
const KIND_FRAME = 2;
const KIND_STATE = 3;
const KIND_NOTICE = 5;
const FLAG_KEYFRAME = 1;
const RETRY_FIRST_MS = 400;
const RETRY_LONGEST_MS = 8000;
const CLOSED_SESSION = 4401;
const CLOSED_DENIED = 4403;
const CLOSED_UNKNOWN = 4404;

/**
 * @typedef {{codec: string, width: number, height: number, epoch: number, bytes: Uint8Array}} Init
 * @typedef {{isKeyframe: boolean, captured_ms: number, bytes: Uint8Array}} Frame
 * @typedef {{onInit: (init: Init) => void, onFrame: (frame: Frame) => void, onState: (state: any) => void,
 *   onNotice?: (notice: any) => void,
 *   onLink: (link: "connecting" | "open" | "lost" | "denied" | "unknown", retryIn_ms: number) => void}} Listener
 */

export class LiveSocket {
  /**
   * @param {string} placementId
   * @param {Listener} listener
   */
  constructor(placementId, listener) {
    this.address = new URL(`/api/placements/${encodeURIComponent(placementId)}/live`, location.href);
    this.address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.listener = listener;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.retry_ms = RETRY_FIRST_MS;
    this.timer = 0;
    /** Stands for a new sign-in that is waited for. @type {object | null} */
    this.waits = null;
  }

  connect() {
    this.listener.onLink("connecting", 0);
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#read(event.data);
    socket.onopen = () => {
      announce(true);
      this.listener.onLink("open", 0);
    };
    socket.onclose = (event) => this.#closed(event.code);
    this.socket = socket;
  }

  disconnect() {
    this.waits = null;
    clearTimeout(this.timer);
    if (!this.socket) return;
    this.socket.onclose = null;
    this.socket.onmessage = null;
    this.socket.close();
    this.socket = null;
  }

  #closed(code) {
    this.socket = null;
    if (code === CLOSED_SESSION) this.#signedOut();
    else if (code === CLOSED_DENIED) this.listener.onLink("denied", 0);
    else if (code === CLOSED_UNKNOWN) this.listener.onLink("unknown", 0);
    else {
      // A wall of tiles must not come back in one beat: half of the pause is chance.
      const wait_ms = this.retry_ms * (0.5 + Math.random() / 2);
      this.retry_ms = Math.min(this.retry_ms * 2, RETRY_LONGEST_MS);
      this.timer = setTimeout(() => this.connect(), wait_ms);
      this.listener.onLink("lost", wait_ms);
    }
  }

  async #signedOut() {
    this.listener.onLink("lost", 0);
    const waits = {};
    this.waits = waits;
    if ((await sessionOver()) && this.waits === waits) this.connect();
  }

  /** @param {ArrayBuffer} data */
  #read(data) {
    const view = new DataView(data);
    const kind = view.getUint8(0);
    if (kind === KIND_FRAME) {
      // The pauses start anew only when pictures come: a server that accepts and then fails is not a working one.
      this.retry_ms = RETRY_FIRST_MS;
      this.listener.onFrame({
        isKeyframe: Boolean(view.getUint8(1) & FLAG_KEYFRAME),
        captured_ms: Number(view.getBigInt64(2)) / 1000,
        bytes: new Uint8Array(data, 10),
      });
    } else if (kind === KIND_INIT) {
      const length_bytes = view.getUint32(1);
      const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 5, length_bytes)));
      this.listener.onInit({ ...facts, bytes: new Uint8Array(data, 5 + length_bytes) });
    } else if (kind === KIND_NOTICE) {
      this.listener.onNotice?.(JSON.parse(new TextDecoder().decode(new Uint8Array(data, 1))));
    } else if (kind === KIND_STATE) {
      this.listener.onState(JSON.parse(new TextDecoder().decode(new Uint8Array(data, 1))));
    }
  }
}
