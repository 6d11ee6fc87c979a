/** The residuals as a picture: each check at its zoom, against the bound that the calibration states. */

import { element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH_PX = 420;
const HEIGHT_PX = 150;
const EDGE_PX = 28;

/**
 * @param {{zoom: number, shift_deg: number, scale_rel: number}[]} checks
 * @param {{pan_tilt_deg: number, zoom_rel: number}} accuracy
 */
export function residualPlot(checks, accuracy) {
  return element("figure", { class: "calibration-plot" },
    drawn(checks.map((one) => [one.zoom, Math.abs(one.shift_deg)]), accuracy.pan_tilt_deg, t("Off by"), `${formatNumber(accuracy.pan_tilt_deg, 3)}°`),
    drawn(checks.map((one) => [one.zoom, Math.abs(one.scale_rel)]), accuracy.zoom_rel, t("Scale off by"), `${formatNumber(100 * accuracy.zoom_rel, 2)} %`),
    element("figcaption", { class: "muted small" }, t("Dots: what was found at poses that were not fitted, over zoom. Line: what the calibration states.")));
}

/** @param {number[][]} points @param {number} bound @param {string} name @param {string} boundText */
function drawn(points, bound, name, boundText) {
  const top = 1.15 * Math.max(bound, ...points.map(([, value]) => value), 1e-9);
  const x = (zoom) => EDGE_PX + zoom * (WIDTH_PX - 2 * EDGE_PX);
  const y = (value) => HEIGHT_PX - EDGE_PX - (value / top) * (HEIGHT_PX - 2 * EDGE_PX);
  return part("svg", { viewBox: `0 0 ${WIDTH_PX} ${HEIGHT_PX}`, role: "img", "aria-label": `${name}, ${boundText}` },
    part("line", { class: "axis", x1: x(0), y1: y(0), x2: x(1), y2: y(0) }),
    part("line", { class: "bound", x1: x(0), y1: y(bound), x2: x(1), y2: y(bound) }),
    ...points.map(([zoom, value]) => part("circle", { class: value > bound ? "over" : "", cx: x(zoom), cy: y(value), r: 4 })),
    text(x(0), EDGE_PX / 2, name, "start"), text(x(1), y(bound) - 4, boundText, "end"),
    text(x(0), HEIGHT_PX - 8, t("wide"), "start"), text(x(1), HEIGHT_PX - 8, t("tele"), "end"));
}

function text(x, y, words, anchor) {
  const node = part("text", { x, y, "text-anchor": anchor });
  node.textContent = words;
  return node;
}

function part(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}
