/** `<preview-strip>`: small views of the same masks at other poses and zooms; click one to look there (fires `look-pose`). */

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { COLOURS } from "./mask-paint.js";
import "./mask-view.js";

const SOLID = { fill: COLOURS.maskSolid, stroke: "#9aa1a7" };

export class PreviewStrip extends HTMLElement {
  /** @type {any} */
  space = null;

  /**
   * @param {any[]} masks
   * @param {import("./plan-optics.js").Pose} pose of the large view
   * @param {any | null} chosen mask
   * @param {any[]} backdrops
   */
  show(masks, pose, chosen, backdrops) {
    if (!this.views) this.#make();
    const poses = this.#poses(pose, chosen);
    this.views.forEach(({ view, caption }, i) => {
      view.masks = masks.map((mask) => ({ ...mask, look: SOLID }));
      view.backdrops = backdrops;
      view.pose = poses[i].pose;
      caption.textContent = poses[i].text;
    });
  }

  #make() {
    this.views = Array.from({ length: 5 }, () => {
      const view = /** @type {any} */ (document.createElement("mask-view"));
      Object.assign(view, { space: this.space, still: true, readOnly: true });
      const caption = element("span", { class: "small muted" });
      const button = element("button", { type: "button", class: "preview", on: { click: () => this.dispatchEvent(new CustomEvent("look-pose", { detail: view.pose })) } }, view, caption);
      this.append(button);
      return { view, caption };
    });
  }

  #poses(pose, chosen) {
    const near = chosen ? this.space.poseFor(chosen.ring) : { ...pose, zoom: Math.min(1, pose.zoom + 0.3) };
    const wide = { ...near, zoom: 0 };
    const hfov_deg = (Math.atan(this.space.frame.width / 2 / this.space.at(near).view.focal_px) * 360) / Math.PI;
    return [
      { text: t("Wide"), pose: wide },
      { text: t("Half way in"), pose: { ...near, zoom: near.zoom / 2 } },
      { text: t("Close up"), pose: near },
      { text: t("From the left"), pose: { ...near, pan_deg: near.pan_deg + hfov_deg * 0.4 } },
      { text: t("From above"), pose: { ...near, tilt_deg: near.tilt_deg - hfov_deg * 0.2 } },
    ];
  }
}

customElements.define("preview-strip", PreviewStrip);
