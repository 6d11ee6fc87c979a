/**
 * <commissioning-picture>: a camera unblanked and reduced, in a frame that nobody overlooks, with the time that is left.
 *
 * `open(leave)` with an entry of GET /api/commissioning, `close()`. Fires `backdrop` with {image, pan_deg, tilt_deg, zoom, width, height, still}
 * for each picture: `image` is the canvas itself, width and height are those of the camera's picture, the pose is null for a camera that
 * does not move. Fires `over` with {why, code}. The picture lives on the canvas alone, and is wiped with the view.
 */

import { serverNow_ms } from "./api.js";
import { parseInstant } from "./civil-time.js";
import { CommissioningSocket } from "./commissioning-socket.js";
import { element, icon } from "./dom.js";
import { t } from "./i18n.js";

/** How much larger than its samples a picture is drawn: the browser smooths between them. */
const ENLARGED = 4;
const TICK_MS = 500;
const SOON_MS = 60_000;

export class CommissioningPicture extends HTMLElement {
  constructor() {
    super();
    /** @type {CommissioningSocket | null} */
    this.socket = null;
    this.until_ms = 0;
    this.timer = 0;
    this.samples = document.createElement("canvas");
    this.canvas = element("canvas", { class: "commissioning-canvas", width: 240 * ENLARGED, height: 135 * ENLARGED });
    this.left = element("strong", { class: "commissioning-left", role: "timer" });
    this.stance = element("span", { class: "commissioning-stance", role: "status" });
    this.atHide = () => this.close();
  }

  connectedCallback() {
    // Before all that scrolls: whoever draws further down still sees it, and how long it lasts.
    this.warning = element("div", { class: "commissioning-warning", role: "note", hidden: !this.socket }, icon("alert"),
      element("strong", {}, t("Unblanked view for drawing masks")),
      element("span", {}, t("Dwellings are visible. Not recorded; every second is in the log.")), this.left);
    document.getElementById("content").prepend(this.warning);
    this.replaceChildren(
      element("div", { class: "commissioning-frame" }, this.canvas),
      this.stance,
    );
    addEventListener("pagehide", this.atHide);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.atHide);
    this.close();
    this.warning.remove();
  }

  /** @param {{id: string, until_at: string}} leave */
  open(leave) {
    this.close();
    this.until_ms = parseInstant(leave.until_at);
    this.stance.textContent = t("Waiting for the first picture");
    this.socket = new CommissioningSocket(leave.id, {
      onState: (state) => {
        this.until_ms = parseInstant(state.until_at);
      },
      onPicture: (head, rgb) => this.#show(head, rgb),
      onEnd: (code, why) => this.#over(code, why),
    });
    this.socket.connect();
    if (this.warning) this.warning.hidden = false;
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  close() {
    clearInterval(this.timer);
    this.socket?.disconnect();
    this.socket = null;
    if (this.warning) this.warning.hidden = true;
    this.left.textContent = "";
    this.stance.textContent = "";
    for (const canvas of [this.canvas, this.samples]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    delete this.dataset.open;
  }

  #over(code, why) {
    this.close();
    this.dispatchEvent(new CustomEvent("over", { detail: { code, why } }));
  }

  #tick() {
    const left_ms = Math.max(0, this.until_ms - serverNow_ms());
    const seconds = Math.ceil(left_ms / 1000);
    this.left.textContent = t("{minutes}:{seconds} left", { minutes: Math.floor(seconds / 60), seconds: String(seconds % 60).padStart(2, "0") });
    this.left.classList.toggle("is-soon", left_ms < SOON_MS);
  }

  /** @param {import("./commissioning-socket.js").Head} head @param {Uint8Array} rgb */
  #show(head, rgb) {
    const { columns, rows, width, height, pose } = head;
    const pixels = new ImageData(columns, rows);
    for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
      pixels.data[to] = rgb[from];
      pixels.data[to + 1] = rgb[from + 1];
      pixels.data[to + 2] = rgb[from + 2];
      pixels.data[to + 3] = 255;
    }
    if (this.samples.width !== columns || this.samples.height !== rows) {
      Object.assign(this.samples, { width: columns, height: rows });
      Object.assign(this.canvas, { width: columns * ENLARGED, height: rows * ENLARGED });
    }
    this.samples.getContext("2d").putImageData(pixels, 0, 0);
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.samples, 0, 0, this.canvas.width, this.canvas.height);
    this.dataset.open = "";
    this.dataset.pictures = String(Number(this.dataset.pictures || 0) + 1);
    if (!pose) this.stance.textContent = "";
    else this.stance.textContent = pose.still ? t("The camera stands still: masks can be drawn on this picture.") : t("The camera moves: wait before you draw.");
    this.stance.classList.toggle("is-moving", Boolean(pose && !pose.still));
    this.dispatchEvent(new CustomEvent("backdrop", {
      detail: {
        image: this.canvas, pan_deg: pose?.pan_deg ?? null, tilt_deg: pose?.tilt_deg ?? null, zoom: pose?.zoom ?? null, width, height,
        still: pose ? pose.still : true,
      },
    }));
  }
}

customElements.define("commissioning-picture", CommissioningPicture);
