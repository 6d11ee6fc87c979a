/**
 * <panorama-picture>: what a camera can see, masked. `load(placementId)`; fires `backdrop` with
 * {image, left_deg, top_deg, step_deg, width, height}: a canvas with a pixel per cell.
 */

import { formatStamp, parseInstant } from "./civil-time.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";

export class PanoramaPicture extends HTMLElement {
  constructor() {
    super();
    this.canvas = element("canvas", { class: "panorama-canvas", hidden: true });
    this.line = element("p", { class: "muted small", role: "status" });
  }

  connectedCallback() {
    this.replaceChildren(element("h3", {}, t("Panorama (blanked)")), this.canvas, this.line);
  }

  /** @param {string} placementId */
  async load(placementId) {
    this.canvas.hidden = true;
    const answer = await fetch(`/api/placements/${encodeURIComponent(placementId)}/panorama`, { credentials: "same-origin", cache: "no-store" });
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
