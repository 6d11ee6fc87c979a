/**
 * <panorama-picture>: what a camera can see, masked. `load(placementId)`; fires `backdrop` with
 * {image, left_deg, top_deg, step_deg, width, height}: a canvas with a pixel per cell. Whoever may lets the camera look around for it.
 */

import { me, request } from "./api.js";
import { formatStamp, parseInstant } from "./civil-time.js";
import { element, textButton } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { noticeError } from "./notices.js";

const LOOK_MS = 2000;
const RELOAD_AFTER_MS = 8000;

/** @type {Record<string, () => string>} */
const ENDINGS = {
  cancelled: () => t("The look around was ended."),
  steered: () => t("Somebody steers the camera: the look around has ended."),
  failed: () => t("The camera could not look around. Try again, or call the technician."),
};

export class PanoramaPicture extends HTMLElement {
  constructor() {
    super();
    this.canvas = element("canvas", { class: "panorama-canvas", hidden: true });
    this.line = element("p", { class: "muted small", role: "status" });
    this.acts = element("div", { class: "panorama-acts" });
  }

  connectedCallback() {
    this.replaceChildren(element("h3", {}, t("Panorama (blanked)")), this.canvas, this.line, this.acts);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  /** @param {string} placementId */
  async load(placementId) {
    this.path = `/api/placements/${encodeURIComponent(placementId)}/panorama`;
    await this.#fetch();
    const { allowed } = await me();
    if (allowed.includes("panorama.scan")) await this.#follow(await request("GET", `${this.path}/scan`, undefined, { background: true }).catch(() => ({ state: "idle" })), false);
  }

  /** @param {{state: string, share?: number}} scan @param {boolean} wasRunning */
  async #follow(scan, wasRunning) {
    clearTimeout(this.timer);
    if (scan.state === "running") {
      this.acts.replaceChildren(element("span", { class: "muted small" }, t("The camera looks around: {percent} %", { percent: formatNumber(100 * (scan.share ?? 0), 0) })),
        textButton(t("End it"), "small", () => this.#ask("DELETE")));
      this.timer = setTimeout(() => this.#ask("GET"), LOOK_MS);
      return;
    }
    const ending = wasRunning ? ENDINGS[scan.state]?.() ?? "" : "";
    this.acts.replaceChildren(textButton(t("Look around"), "small", () => this.#ask("POST")), element("span", { class: "muted small" }, ending));
    if (wasRunning) this.timer = setTimeout(() => this.#fetch().catch(noticeError), RELOAD_AFTER_MS);
  }

  /** @param {"GET" | "POST" | "DELETE"} method */
  async #ask(method) {
    try {
      await this.#follow(await request(method, `${this.path}/scan`, undefined, { background: method === "GET" }), method !== "POST");
    } catch (error) {
      noticeError(error);
      await this.#follow({ state: "idle" }, false);
    }
  }

  async #fetch() {
    this.canvas.hidden = true;
    const answer = await fetch(this.path, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) {
      this.line.textContent = (await answer.json().catch(() => null))?.error?.message ?? t("There is no panorama at the moment.");
      return;
    }
    this.#show(await answer.arrayBuffer());
  }

  /** @param {ArrayBuffer} data */
  #show(data) {
    const length_bytes = new DataView(data).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length_bytes)));
    const rgb = new Uint8Array(data, 4 + length_bytes);
    const pixels = new ImageData(head.columns, head.rows);
    for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) pixels.data.set([rgb[from], rgb[from + 1], rgb[from + 2], 255], to);
    Object.assign(this.canvas, { width: head.columns, height: head.rows });
    this.canvas.getContext("2d").putImageData(pixels, 0, 0);
    this.canvas.hidden = false;
    this.line.textContent = t("Under plan version {version}, {time}. Grey: masked, or not seen yet.", { version: head.plan_version, time: formatStamp(parseInstant(head.made_at)) });
    this.dispatchEvent(new CustomEvent("backdrop", {
      detail: { image: this.canvas, left_deg: head.left_deg, top_deg: head.top_deg, step_deg: head.step_deg, width: head.columns, height: head.rows },
    }));
  }
}

customElements.define("panorama-picture", PanoramaPicture);
