/** Drawing for all views of a plan: background picture, net of directions, masks, what is lost. Coordinates are frame pixels, scaled. */

import { formatNumber } from "./i18n.js";

export const COLOURS = {
  ground: "#0a0c0e",
  net: "#1d242a",
  netText: "#5d6871",
  horizon: "#41617a",
  mask: "rgb(150 157 163 / 62%)",
  maskSolid: "#80868b",
  edge: "#c3cad0",
  chosen: "#82aed1",
  wrong: "#dd7b70",
  lost: "rgb(232 92 78 / 62%)",
  proposed: "#b39ddb",
  handle: "#0f1215",
};

export const FONT = "system-ui";
const MESH = [24, 14];
const SEAM_PX = 2;
const NET_STEPS_DEG = [90, 45, 30, 15, 10, 5, 2, 1, 0.5];
const HANDLE_PX = 5;
const NAME_PX = 12;
const HANDLE_SMALL_PX = 3.5;

/**
 * A picture taken at some pose, as it would look at another one. The picture is bent in small cells; a picture of the same pose is drawn as it is.
 * @param {CanvasRenderingContext2D} context scaled to frame pixels
 * @param {any} space @param {any} at the space at the shown pose
 * @param {{image: CanvasImageSource, pan_deg: number, tilt_deg: number, zoom: number, width: number, height: number}} backdrop
 */
export function paintBackdrop(context, space, at, backdrop) {
  const { width, height } = space.frame;
  const scale = [width / backdrop.width, height / backdrop.height];
  if (!space.moves || isSamePose(at.view.pose, backdrop)) {
    context.drawImage(backdrop.image, 0, 0, width, height);
    return;
  }
  const from = space.at(backdrop);
  const corner = (i, j) => {
    const pixel = [(i / MESH[0]) * width, (j / MESH[1]) * height];
    return { pixel: [pixel[0] / scale[0], pixel[1] / scale[1]], shown: at.toFrame(from.view.unproject(pixel)) };
  };
  const rows = Array.from({ length: MESH[1] + 1 }, (_, j) => Array.from({ length: MESH[0] + 1 }, (_, i) => corner(i, j)));
  for (let j = 0; j < MESH[1]; j += 1) {
    for (let i = 0; i < MESH[0]; i += 1) {
      paintTriangle(context, backdrop, rows[j][i], rows[j][i + 1], rows[j + 1][i]);
      paintTriangle(context, backdrop, rows[j + 1][i + 1], rows[j + 1][i], rows[j][i + 1]);
    }
  }
}

function isSamePose(pose, backdrop) {
  return Math.abs(pose.pan_deg - backdrop.pan_deg) < 1e-3 && Math.abs(pose.tilt_deg - backdrop.tilt_deg) < 1e-3 && Math.abs(pose.zoom - backdrop.zoom) < 1e-4;
}

function paintTriangle(context, { image, width, height }, a, b, c) {
  const size = [width, height];
  if (!a.shown || !b.shown || !c.shown) return;
  const [ax, ay] = a.pixel;
  const [bx, by] = [b.pixel[0] - ax, b.pixel[1] - ay];
  const [cx, cy] = [c.pixel[0] - ax, c.pixel[1] - ay];
  const area = bx * cy - by * cx;
  const [bu, bv] = [b.shown[0] - a.shown[0], b.shown[1] - a.shown[1]];
  const [cu, cv] = [c.shown[0] - a.shown[0], c.shown[1] - a.shown[1]];
  const xu = (bu * cy - cu * by) / area;
  const yu = (cu * bx - bu * cx) / area;
  const xv = (bv * cy - cv * by) / area;
  const yv = (cv * bx - bv * cx) / area;
  context.save();
  context.beginPath();
  path(context, grown([a.shown, b.shown, c.shown]));
  context.clip();
  context.transform(xu, xv, yu, yv, a.shown[0] - xu * ax - yu * ay, a.shown[1] - xv * ax - yv * ay);
  context.drawImage(image, 0, 0, ...size);
  context.restore();
}

/** A triangle a little larger, so that no hair of the ground shows between neighbours. */
function grown(corners) {
  const middle = [0, 1].map((axis) => (corners[0][axis] + corners[1][axis] + corners[2][axis]) / 3);
  return corners.map((corner) => {
    const away = [corner[0] - middle[0], corner[1] - middle[1]];
    const longer = 1 + SEAM_PX / (Math.hypot(...away) || 1);
    return [middle[0] + away[0] * longer, middle[1] + away[1] * longer];
  });
}

/** Lines of equal azimuth and elevation, as close as the zoom allows, and the horizon. */
export function paintNet(context, at, line_px) {
  const { view } = at;
  const hfov_deg = (Math.atan(view.optics.width_px / 2 / view.focal_px) * 360) / Math.PI;
  const step_deg = NET_STEPS_DEG.find((step) => step < hfov_deg / 3) ?? NET_STEPS_DEG[NET_STEPS_DEG.length - 1];
  const [middle_deg, height_deg] = view.unproject([view.optics.width_px / 2, view.optics.height_px / 2]);
  const digits = step_deg < 1 ? 1 : 0;
  context.font = `${11 * line_px}px ${FONT}`;
  context.lineWidth = line_px;
  const spread_deg = Math.min(180, hfov_deg * 1.2 / Math.max(0.2, Math.cos((height_deg * Math.PI) / 180)));
  for (let azimuth = Math.ceil((middle_deg - spread_deg) / step_deg) * step_deg; azimuth <= middle_deg + spread_deg; azimuth += step_deg) {
    strokeLines(context, view.lines(range(-85, 85, Math.min(step_deg, 5) / 2).map((elevation) => [azimuth, elevation])), COLOURS.net);
    label(context, at.toFrame([azimuth, height_deg]), `${formatNumber(wrapped(azimuth), digits)}°`, line_px, view);
  }
  for (let elevation = Math.ceil((height_deg - hfov_deg) / step_deg) * step_deg; elevation <= Math.min(90, height_deg + hfov_deg); elevation += step_deg) {
    if (Math.abs(elevation) > 85) continue;
    const isHorizon = Math.abs(elevation) < 1e-6;
    strokeLines(context, view.lines(range(middle_deg - spread_deg, middle_deg + spread_deg, Math.min(step_deg, 5) / 2).map((azimuth) => [azimuth, elevation])),
      isHorizon ? COLOURS.horizon : COLOURS.net);
    label(context, at.toFrame([middle_deg, elevation]), `${formatNumber(elevation, digits)}°`, line_px, view);
  }
}

function label(context, pixel, text, line_px, view) {
  if (!pixel || pixel[0] < 0 || pixel[1] < 0 || pixel[0] > view.optics.width_px || pixel[1] > view.optics.height_px) return;
  context.fillStyle = COLOURS.netText;
  context.fillText(text, pixel[0] + 4 * line_px, pixel[1] - 4 * line_px);
}

function wrapped(azimuth_deg) {
  return ((((azimuth_deg + 180) % 360) + 360) % 360) - 180;
}

function range(from, to, step) {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}

function strokeLines(context, lines, colour) {
  context.strokeStyle = colour;
  for (const line of lines) {
    context.beginPath();
    line.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {[number, number][]} outline */
export function path(context, outline) {
  outline.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

/** Fill and edge of a ring as it looks in a view. */
export function paintRing(context, at, ring, { fill, stroke, line_px, dash = [] }) {
  const outline = at.outline(ring);
  if (outline.length < 3) return false;
  context.beginPath();
  path(context, outline);
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
  if (stroke) {
    context.setLineDash(dash.map((length) => length * line_px));
    context.lineWidth = line_px;
    context.strokeStyle = stroke;
    context.stroke();
    context.setLineDash([]);
  }
  return true;
}

/** What would be shown again: pieces that lie side by side, filled as one. */
export function paintLost(context, outlines) {
  context.beginPath();
  for (const outline of outlines) if (outline.length > 2) path(context, outline);
  context.fillStyle = COLOURS.lost;
  context.fill("nonzero");
}

/**
 * The name of a mask at its middle, if it is in view and no other name is there: two on one another are none.
 * @param {number[][]} taken the boxes of the names so far: left, top, right, bottom
 */
export function paintName(context, at, ring, name, line_px, taken, colour = "#eef2f5") {
  const seen = ring.map((point) => at.toFrame(point)).filter(Boolean);
  if (seen.length < 3) return;
  const x = seen.reduce((sum, point) => sum + point[0], 0) / seen.length;
  const y = seen.reduce((sum, point) => sum + point[1], 0) / seen.length;
  context.font = `${NAME_PX * line_px}px ${FONT}`;
  const half = context.measureText(name).width / 2;
  const box = [x - half, y - NAME_PX * line_px, x + half, y + 4 * line_px];
  if (taken.some(([left, top, right, bottom]) => box[0] < right && left < box[2] && box[1] < bottom && top < box[3])) return;
  taken.push(box);
  context.textAlign = "center";
  context.lineWidth = 3 * line_px;
  context.strokeStyle = "rgb(10 12 14 / 70%)";
  context.strokeText(name, x, y);
  context.fillStyle = colour;
  context.fillText(name, x, y);
  context.textAlign = "start";
}

/** Handles of the chosen mask: a filled square at each point, a small ring at the middle of each edge. */
export function paintHandles(context, at, space, ring, point, wrongPoint, line_px) {
  ring.forEach((corner, i) => {
    const middle = at.toFrame(space.between(corner, ring[(i + 1) % ring.length]));
    if (middle) disc(context, middle, HANDLE_SMALL_PX * line_px, COLOURS.handle, COLOURS.chosen, line_px);
  });
  ring.forEach((corner, i) => {
    const pixel = at.toFrame(corner);
    if (!pixel) return;
    const isWrong = i === wrongPoint;
    const size = HANDLE_PX * line_px;
    context.fillStyle = i === point ? "#eef2f5" : isWrong ? COLOURS.wrong : COLOURS.chosen;
    context.fillRect(pixel[0] - size, pixel[1] - size, 2 * size, 2 * size);
    if (isWrong) disc(context, pixel, 11 * line_px, null, COLOURS.wrong, 2 * line_px);
  });
}

/** The line that is being drawn. */
export function paintTrail(context, at, points, pointer, line_px) {
  const pixels = points.map((point) => at.toFrame(point)).filter(Boolean);
  context.beginPath();
  [...pixels, ...(pointer ? [pointer] : [])].forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.strokeStyle = COLOURS.chosen;
  context.lineWidth = 1.5 * line_px;
  context.stroke();
  pixels.forEach((pixel, i) => disc(context, pixel, (i ? HANDLE_SMALL_PX : HANDLE_PX + 2) * line_px, COLOURS.handle, COLOURS.chosen, line_px));
}

function disc(context, [x, y], radius, fill, stroke, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
  context.lineWidth = width;
  context.strokeStyle = stroke;
  context.stroke();
}
