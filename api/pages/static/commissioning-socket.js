/** One commissioning view over its WebSocket: reduced pictures as they come, and why it ended. It is never made again by itself. */

const KIND_STATE = 3;
const KIND_PICTURE = 4;

/**
 * @typedef {{columns: number, rows: number, width: number, height: number, captured_at_us: number,
 *   pose: {pan_deg: number, tilt_deg: number, zoom: number, still: boolean} | null}} Head
 * @typedef {{onState: (state: any) => void, onPicture: (head: Head, rgb: Uint8Array) => void, onEnd: (code: number, why: string) => void}} Listener
 */

export class CommissioningSocket {
  /**
   * @param {string} leaveId
   * @param {Listener} listener
   */
  constructor(leaveId, listener) {
    this.address = new URL(`/api/commissioning/${encodeURIComponent(leaveId)}/view`, location.href);
    this.address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.listener = listener;
    /** @type {WebSocket | null} */
    this.socket = null;
  }

  connect() {
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#read(event.data);
    socket.onclose = (event) => {
      this.socket = null;
      this.listener.onEnd(event.code, event.reason);
    };
    this.socket = socket;
  }

  disconnect() {
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  /** @param {ArrayBuffer} data */
  #read(data) {
    const view = new DataView(data);
    const kind = view.getUint8(0);
    if (kind === KIND_STATE) {
      this.listener.onState(JSON.parse(new TextDecoder().decode(new Uint8Array(data, 1))));
    } else if (kind === KIND_PICTURE) {
      const length_bytes = view.getUint32(1);
      const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 5, length_bytes)));
      this.listener.onPicture(head, new Uint8Array(data, 5 + length_bytes));
    }
  }
}
