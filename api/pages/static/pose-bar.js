/** Sliders for pan, tilt and zoom of a `<mask-view>`; they follow it, and it follows them. */

import { element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

/** @param {any} view a `<mask-view>` @returns {HTMLElement} */
export function poseBar(view) {
  const parts = [
    slider(view, "pan_deg", t("Pan"), -180, 180, 0.1, (value) => `${formatNumber(value, 1)}°`),
    slider(view, "tilt_deg", t("Tilt"), -90, 45, 0.1, (value) => `${formatNumber(value, 1)}°`),
    slider(view, "zoom", t("Zoom"), 0, 1, 0.005, () => fieldOfView(view)),
  ];
  const follow = () => parts.forEach(({ follow: one }) => one());
  view.addEventListener("pose", follow);
  follow();
  return element("div", { class: "pose-bar" }, ...parts.map(({ label }) => label));
}

function slider(view, name, title, min, max, step, text) {
  const input = /** @type {HTMLInputElement} */ (element("input", { type: "range", min, max, step }));
  const shown = element("output", {});
  input.addEventListener("input", () => view.turn({ ...view.pose, [name]: Number(input.value) }));
  const follow = () => {
    input.value = String(view.pose[name]);
    shown.textContent = text(view.pose[name]);
  };
  return { label: element("label", {}, element("span", {}, title), input, shown), follow };
}

function fieldOfView(view) {
  const { focal_px } = view.space.at(view.pose).view;
  return t("{angle}° wide", { angle: formatNumber((Math.atan(view.space.frame.width / 2 / focal_px) * 360) / Math.PI, 1) });
}
