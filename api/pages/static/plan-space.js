/**
 * The two kinds of plans behind one face: masks as directions seen through a camera model, masks as fractions of a fixed picture.
 * A space turns plan points into frame pixels and back; the views scale frame pixels to their canvas.
 *
 * @typedef {[number, number]} Point
 * @typedef {import("./plan-optics.js").Pose} Pose
 */

import { anglesOf, directionOf, Optics, rotationBetween, turned, unit } from "./plan-optics.js";

const DIGITS_DEG = 4;
const DIGITS_REL = 5;

/** @param {Record<string, any>} document a plan */
export function spaceOf(document) {
  return document.kind === "directions" ? new SkySpace(document) : new PictureSpace(document);
}

/** Directions around a camera that moves. */
export class SkySpace {
  kind = "directions";
  key = "polygon_deg";
  moves = true;
  nudge = 0.1;

  constructor(document) {
    this.frame = document.frame;
    this.optics = new Optics(document.camera_model, document.frame);
  }

  /** @param {Pose} pose */
  at(pose) {
    const view = this.optics.at(pose);
    return {
      toFrame: (point) => view.project(point),
      fromFrame: (pixel) => rounded(view.unproject(pixel), DIGITS_DEG),
      outline: (ring) => view.outline(ring),
      view,
    };
  }

  /** Move a whole ring so that `from` comes to `to`, without changing its shape. */
  moved(ring, from, to) {
    const turn = rotationBetween(directionOf(from), directionOf(to));
    return ring.map((point) => rounded(anglesOf(turned(turn, directionOf(point))), DIGITS_DEG));
  }

  /** @returns {Point} the middle of an edge */
  between(a, b) {
    const [one, other] = [directionOf(a), directionOf(b)];
    return rounded(anglesOf(unit([0, 1, 2].map((axis) => one[axis] + other[axis]))), DIGITS_DEG);
  }

  /**
   * @param {[number, number] | null | undefined} tilts_deg lowest and highest tilt that the camera reports
   * @returns {[number, number] | null} lowest and highest elevation that it can see from there, wide open
   */
  reach(tilts_deg) {
    if (!tilts_deg) return null;
    const { focal_px } = this.optics.at({ pan_deg: 0, tilt_deg: 0, zoom: 0 });
    const half_deg = (Math.atan(this.frame.height / 2 / focal_px) * 180) / Math.PI;
    const ends = tilts_deg.map((tilt) => tilt * this.optics.tiltScale + this.optics.tiltOffset_deg);
    return [Math.max(-90, Math.min(...ends) - half_deg), Math.min(90, Math.max(...ends) + half_deg)];
  }

  /** @returns {Pose} a pose that shows a ring whole, with some street around it */
  poseFor(ring, margin = 2.2) {
    const vectors = ring.map(directionOf);
    const middle = unit([0, 1, 2].map((axis) => vectors.reduce((sum, vector) => sum + vector[axis], 0)));
    const radius_deg = Math.max(...vectors.map((vector) => (Math.acos(Math.min(1, vector[0] * middle[0] + vector[1] * middle[1] + vector[2] * middle[2])) * 180) / Math.PI));
    return { ...this.optics.aim(anglesOf(middle)), zoom: this.optics.zoomFor(Math.min(120, Math.max(1, radius_deg * 2 * margin))) };
  }
}

/** Fractions of the picture of a camera that stays as it is. */
export class PictureSpace {
  kind = "image";
  key = "polygon_rel";
  moves = false;
  nudge = 0.005;

  constructor(document) {
    this.frame = document.frame;
  }

  at() {
    const { width, height } = this.frame;
    return {
      toFrame: ([x, y]) => [x * width, y * height],
      fromFrame: ([u, v]) => rounded([u / width, v / height], DIGITS_REL),
      outline: (ring) => ring.map(([x, y]) => [x * width, y * height]),
      view: null,
    };
  }

  moved(ring, from, to) {
    return ring.map(([x, y]) => rounded([x + to[0] - from[0], y + to[1] - from[1]], DIGITS_REL));
  }

  between(a, b) {
    return rounded([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], DIGITS_REL);
  }

  poseFor() {
    return { pan_deg: 0, tilt_deg: 0, zoom: 0 };
  }
}

function rounded(point, digits) {
  const factor = 10 ** digits;
  return point.map((value) => Math.round(value * factor) / factor);
}
