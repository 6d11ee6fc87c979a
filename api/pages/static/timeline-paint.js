/** Draw the timeline on a canvas; no state of its own. */

import { DAY_MS, formatClock, formatDay, formatMinute, HOUR_MS, MINUTE_MS } from "./civil-time.js";
import { t } from "./i18n.js";
import { joined, ticks, toPixel } from "./time-scale.js";

export const AXIS_PX = 30;
export const ROW_PX = 30;
export const LABEL_PX = 200;
const BAR_PX = 14;
const HOLD_PX = 4;
const HATCH_PX = 5;

const COLOUR = {
  ground: "#0f1215", row: "#15191d", line: "#262c32", lineDay: "#454e57", text: "#98a2ac", textStrong: "#d5dadf",
  sealed: "#5b7f9b", open: "#46617a", grey: "#8b9095", gap: "#1b2025", hatch: "#8a6a35", lost: "#7d433d", held: "#b39ddb",
  now: "#7bb08f", head: "#f2f5f7", horizon: "#d6a756", selection: "rgb(130 174 209 / 22%)", selectionEdge: "#82aed1", future: "#0a0c0e",
};

/**
 * @typedef {{context: CanvasRenderingContext2D, width_px: number, height_px: number, range: import("./time-scale.js").Range,
 *   rows: {name: string, data: import("./timeline-data.js").TimelineData}[], now_ms: number, horizon_ms: number, head_ms: number | null,
 *   hover_px: number | null, selection: import("./time-scale.js").Range | null, font: string}} Scene
 */

/** @param {Scene} scene */
export function paint(scene) {
  const { context, width_px, height_px } = scene;
  context.fillStyle = COLOUR.ground;
  context.fillRect(0, 0, width_px, height_px);
  const chart_px = width_px - LABEL_PX;
  const x = (at_ms) => LABEL_PX + toPixel(scene.range, chart_px, at_ms);
  context.save();
  context.beginPath();
  context.rect(LABEL_PX, 0, chart_px, height_px);
  context.clip();
  paintGround(scene, x);
  paintTicks(scene, x, chart_px);
  scene.rows.forEach((row, index) => paintRow(scene, x, row, AXIS_PX + index * ROW_PX));
  paintMarks(scene, x);
  context.restore();
  paintLabels(scene);
}

function paintGround({ context, height_px, rows, width_px, now_ms, horizon_ms }, x) {
  rows.forEach((_row, index) => {
    context.fillStyle = COLOUR.row;
    context.fillRect(LABEL_PX, AXIS_PX + index * ROW_PX + 3, width_px, ROW_PX - 6);
  });
  context.fillStyle = COLOUR.future;
  context.fillRect(x(now_ms), AXIS_PX, Math.max(0, width_px - x(now_ms)), height_px);
  if (Number.isFinite(horizon_ms)) context.fillRect(LABEL_PX, AXIS_PX, Math.max(0, x(horizon_ms) - LABEL_PX), height_px);
}

function paintTicks({ context, range, height_px, font }, x, chart_px) {
  const found = ticks(range, chart_px);
  context.font = font;
  context.textBaseline = "middle";
  for (const { at_ms, isDay } of found.ticks) {
    const left_px = Math.round(x(at_ms)) + 0.5;
    context.strokeStyle = isDay ? COLOUR.lineDay : COLOUR.line;
    context.beginPath();
    context.moveTo(left_px, isDay ? 4 : 20);
    context.lineTo(left_px, height_px);
    context.stroke();
    context.fillStyle = isDay ? COLOUR.textStrong : COLOUR.text;
    const text = tickText(at_ms, isDay, found.step_ms);
    if (left_px + 5 + context.measureText(text).width < LABEL_PX + chart_px) context.fillText(text, left_px + 5, 12);
  }
}

function tickText(at_ms, isDay, step_ms) {
  if (isDay || step_ms >= DAY_MS) return formatDay(at_ms);
  return step_ms < MINUTE_MS ? formatClock(at_ms) : formatMinute(at_ms);
}

function paintRow(scene, x, { data }, top_px) {
  const { context, range } = scene;
  const near_ms = (range.to_ms - range.from_ms) / scene.width_px;
  const middle_px = top_px + (ROW_PX - BAR_PX) / 2;
  const bar = (span, colour, y_px, size_px) => {
    if (span.end_ms < range.from_ms || span.start_ms > range.to_ms) return;
    const left_px = x(span.start_ms);
    context.fillStyle = colour;
    context.fillRect(left_px, y_px, Math.max(1, x(span.end_ms) - left_px), size_px);
  };
  const drawn = data.stretches.filter(({ look }) => look !== "erased");
  for (const stretch of joined(drawn, Math.max(near_ms, 1500))) bar(stretch, COLOUR[stretch.look] ?? COLOUR.lost, middle_px, BAR_PX);
  for (const gap of data.gaps) hatch(scene, x, gap, middle_px);
  const greys = data.greys.map((grey) => ({ ...grey, look: "grey" })).sort((a, b) => a.start_ms - b.start_ms);
  for (const grey of joined(greys, near_ms)) bar(grey, COLOUR.grey, middle_px + 3, BAR_PX - 6);
  for (const hold of data.holds) bar(hold, COLOUR.held, middle_px + BAR_PX, HOLD_PX);
}

function hatch({ context, range }, x, gap, y_px) {
  if (gap.end_ms < range.from_ms || gap.start_ms > range.to_ms) return;
  const left_px = Math.max(LABEL_PX, x(gap.start_ms));
  const right_px = Math.min(context.canvas.clientWidth, Math.max(x(gap.end_ms), left_px + 2));
  context.save();
  context.beginPath();
  context.rect(left_px, y_px, right_px - left_px, BAR_PX);
  context.clip();
  context.fillStyle = COLOUR.gap;
  context.fillRect(left_px, y_px, right_px - left_px, BAR_PX);
  context.strokeStyle = COLOUR.hatch;
  context.beginPath();
  for (let at_px = left_px - BAR_PX - (left_px % HATCH_PX); at_px < right_px; at_px += HATCH_PX) {
    context.moveTo(at_px, y_px + BAR_PX);
    context.lineTo(at_px + BAR_PX, y_px);
  }
  context.stroke();
  context.restore();
}

function paintMarks(scene, x) {
  const { context, height_px, now_ms, horizon_ms, head_ms, selection, hover_px, font } = scene;
  if (selection) {
    const left_px = x(selection.from_ms);
    const wide_px = x(selection.to_ms) - left_px;
    context.fillStyle = COLOUR.selection;
    context.fillRect(left_px, AXIS_PX - 6, wide_px, height_px);
    context.fillStyle = COLOUR.selectionEdge;
    context.fillRect(left_px - 1, AXIS_PX - 6, 2, height_px);
    context.fillRect(left_px + wide_px - 1, AXIS_PX - 6, 2, height_px);
  }
  upright(context, x(now_ms), AXIS_PX - 8, height_px, COLOUR.now, []);
  if (Number.isFinite(horizon_ms)) upright(context, x(horizon_ms), AXIS_PX - 8, height_px, COLOUR.horizon, [4, 3]);
  if (hover_px !== null) upright(context, hover_px, AXIS_PX - 4, height_px, COLOUR.lineDay, []);
  if (head_ms === null) return;
  const head_px = x(head_ms);
  upright(context, head_px, 18, height_px, COLOUR.head, []);
  context.fillStyle = COLOUR.head;
  context.beginPath();
  context.moveTo(head_px - 6, 18);
  context.lineTo(head_px + 6, 18);
  context.lineTo(head_px, 26);
  context.fill();
  context.font = font;
}

function upright(context, x_px, top_px, bottom_px, colour, dash) {
  context.save();
  context.strokeStyle = colour;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(Math.round(x_px) + 0.5, top_px);
  context.lineTo(Math.round(x_px) + 0.5, bottom_px);
  context.stroke();
  context.restore();
}

function paintLabels({ context, rows, height_px, font }) {
  context.fillStyle = COLOUR.ground;
  context.fillRect(0, 0, LABEL_PX, height_px);
  context.font = font;
  context.textBaseline = "middle";
  context.fillStyle = COLOUR.textStrong;
  rows.forEach(({ name }, index) => context.fillText(shortened(context, name, LABEL_PX - 20), 12, AXIS_PX + index * ROW_PX + ROW_PX / 2));
  if (!rows.length) {
    context.fillStyle = COLOUR.text;
    context.fillText(t("Choose a camera"), 12, AXIS_PX + ROW_PX / 2);
  }
}

function shortened(context, text, width_px) {
  if (context.measureText(text).width <= width_px) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width_px) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** @param {number} span_ms @returns {boolean} whether seconds are worth showing */
export function isFine(span_ms) {
  return span_ms < 2 * HOUR_MS;
}
