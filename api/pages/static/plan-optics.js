/**
 * The camera model of a plan: from directions to pixels of a pose and back. Pure; docs/blanking.md has the equations, and a file of
 * vectors (tests/blanking/projection_vectors.json) holds this and `blanking` to the same numbers.
 *
 * @typedef {[number, number, number]} Vector x right, y down, z forward
 * @typedef {[number, number]} Point a direction [azimuth, elevation] in degrees, or pixels, as the name says
 * @typedef {{pan_deg: number, tilt_deg: number, zoom: number}} Pose
 */

const RAD = Math.PI / 180;
const FOLD_RESERVE = 0.98;
const UNBEND_STEPS = 40;

/** @param {Point} point_deg @returns {Vector} */
export function directionOf([azimuth_deg, elevation_deg]) {
  const flat = Math.cos(elevation_deg * RAD);
  return [flat * Math.sin(azimuth_deg * RAD), -Math.sin(elevation_deg * RAD), flat * Math.cos(azimuth_deg * RAD)];
}

/** @param {Vector} vector @returns {Point} */
export function anglesOf([x, y, z]) {
  return [Math.atan2(x, z) / RAD, Math.atan2(-y, Math.hypot(x, z)) / RAD];
}

/** @param {Vector} a @param {Vector} b */
export function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** @param {Vector} a @param {Vector} b @returns {Vector} */
export function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** @param {Vector} vector @returns {Vector} */
export function unit(vector) {
  const length = Math.hypot(...vector) || 1;
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}

/** @param {Vector} a @param {Vector} b @returns {number} degrees between two directions */
export function angleBetween_deg(a, b) {
  return Math.atan2(Math.hypot(...cross(a, b)), dot(a, b)) / RAD;
}

/** Points on the great circle from `a` to `b`, without `b`, none further apart than `step_deg`. */
export function arc(a, b, step_deg) {
  const count = Math.max(1, Math.ceil(angleBetween_deg(a, b) / step_deg));
  return Array.from({ length: count }, (_, i) => unit([0, 1, 2].map((axis) => a[axis] + (b[axis] - a[axis]) * (i / count))));
}

/** @param {number[][]} matrix @param {Vector} v @returns {Vector} */
export function turned(matrix, v) {
  return matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);
}

/** @param {number[][]} matrix the inverse of a rotation is its transpose */
export function turnedBack(matrix, v) {
  return [0, 1, 2].map((column) => matrix[0][column] * v[0] + matrix[1][column] * v[1] + matrix[2][column] * v[2]);
}

/** The smallest rotation that brings `a` to `b`; what a drag does to a whole mask. */
export function rotationBetween(a, b) {
  const axis = cross(a, b);
  const sine = Math.hypot(...axis);
  const cosine = dot(a, b);
  if (sine < 1e-12) return [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const [x, y, z] = unit(axis);
  const rest = 1 - cosine;
  return [
    [cosine + x * x * rest, x * y * rest - z * sine, x * z * rest + y * sine],
    [y * x * rest + z * sine, cosine + y * y * rest, y * z * rest - x * sine],
    [z * x * rest - y * sine, z * y * rest + x * sine, cosine + z * z * rest],
  ];
}

/** A plan's `camera_model` for a frame size. */
export class Optics {
  /** @param {Record<string, any>} model @param {{width: number, height: number}} frame */
  constructor(model, frame) {
    this.width_px = frame.width;
    this.height_px = frame.height;
    this.logFocal = model.zoom.map(([zoom, hfov_deg]) => [zoom, Math.log(frame.width / 2 / Math.tan((hfov_deg * RAD) / 2))]);
    this.k1 = model.k1 ?? [[0, 0]];
    const [cx, cy] = model.principal_point ?? [0.5, 0.5];
    this.centre_px = [cx * frame.width, cy * frame.height];
    const { pan = 0, tilt = 0, roll = 0 } = model.mount_deg ?? {};
    this.mount = product(aboutZ(roll * RAD), product(aboutX(tilt * RAD), aboutY(pan * RAD)));
    this.panScale = model.pan_scale ?? 1;
    this.tiltScale = model.tilt_scale ?? 1;
    this.tiltOffset_deg = model.tilt_offset_deg ?? 0;
    this.roll = aboutZ((model.sensor_roll_deg ?? 0) * RAD);
  }

  /** @param {Pose} pose */
  at(pose) {
    return new View(this, pose);
  }

  /** The zoom whose horizontal field of view is nearest to the one wanted. */
  zoomFor(hfov_deg) {
    const wanted = Math.log(this.width_px / 2 / Math.tan((hfov_deg * RAD) / 2));
    let [low, high] = [0, 1];
    for (let i = 0; i < 30; i += 1) {
      const middle = (low + high) / 2;
      if (interpolated(this.logFocal, middle) < wanted) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  /** @returns {{pan_deg: number, tilt_deg: number}} the pose that puts a direction on the optical axis */
  aim(point_deg) {
    const [azimuth_deg, elevation_deg] = anglesOf(turned(this.mount, directionOf(point_deg)));
    return { pan_deg: azimuth_deg / this.panScale, tilt_deg: (elevation_deg - this.tiltOffset_deg) / this.tiltScale };
  }
}

/** What a camera sees at one pose. */
export class View {
  /** @param {Optics} optics @param {Pose} pose */
  constructor(optics, pose) {
    this.optics = optics;
    this.pose = pose;
    this.focal_px = Math.exp(interpolated(optics.logFocal, pose.zoom));
    this.k1 = interpolated(optics.k1, pose.zoom);
    const tilt = (pose.tilt_deg * optics.tiltScale + optics.tiltOffset_deg) * RAD;
    const turn = product(aboutX(tilt), aboutY(pose.pan_deg * optics.panScale * RAD));
    this.rotation = product(optics.roll, product(turn, optics.mount));
    const corner = Math.hypot(
      Math.max(optics.centre_px[0], optics.width_px - optics.centre_px[0]), Math.max(optics.centre_px[1], optics.height_px - optics.centre_px[1]));
    this.reach = this.unbent(corner / this.focal_px) * 1.1;
  }

  /** @param {Vector} seen direction in camera axes, in front of the camera @returns {Point} pixels */
  pixelOf([x, y, z]) {
    const [tx, ty] = [x / z, y / z];
    const scale = this.focal_px * radialScale(tx * tx + ty * ty, this.k1);
    return [this.optics.centre_px[0] + scale * tx, this.optics.centre_px[1] + scale * ty];
  }

  /** @param {Point} point_deg @returns {Point | null} pixels; null behind the camera */
  project(point_deg) {
    const seen = turned(this.rotation, directionOf(point_deg));
    return seen[2] > 0.02 ? this.pixelOf(seen) : null;
  }

  /** @param {Point} pixel @returns {Point} the direction seen at a pixel */
  unproject([u, v]) {
    const x = (u - this.optics.centre_px[0]) / this.focal_px;
    const y = (v - this.optics.centre_px[1]) / this.focal_px;
    const bent = Math.hypot(x, y);
    const factor = bent > 1e-12 ? this.unbent(bent) / bent : 1;
    return anglesOf(turnedBack(this.rotation, unit([x * factor, y * factor, 1])));
  }

  /** @param {number} bent radius in the picture over the focal length @returns {number} tangent radius that is seen there */
  unbent(bent) {
    let [low, high] = [0, Math.max(bent * 2, 0.1)];
    while (high * radialScale(high * high, this.k1) < bent && high < 1e3) high *= 2;
    for (let i = 0; i < UNBEND_STEPS; i += 1) {
      const middle = (low + high) / 2;
      if (middle * radialScale(middle * middle, this.k1) < bent) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  /**
   * A closed ring of directions as an outline in the picture: along great circles, cut in three dimensions before dividing.
   * @param {Point[]} ring_deg
   * @returns {Point[]} pixels; empty when nothing of it can be in view
   */
  outline(ring_deg) {
    const corners = ring_deg.map((point) => turned(this.rotation, directionOf(point)));
    const step_deg = Math.min(3, 12 * this.reach);
    let ring = corners.flatMap((corner, i) => arc(corner, corners[(i + 1) % corners.length], step_deg));
    const planes = [[0, 0, 1, 0.02]];
    if (this.reach < 5) planes.push([-1, 0, this.reach, 0], [1, 0, this.reach, 0], [0, -1, this.reach, 0], [0, 1, this.reach, 0]);
    for (const plane of planes) ring = clipped(ring, plane);
    return ring.map((corner) => this.pixelOf(corner));
  }

  /**
   * An open line of directions as lines in the picture.
   * @param {Point[]} points_deg close to each other
   * @returns {Point[][]} pixels
   */
  lines(points_deg) {
    const found = [];
    let line = [];
    for (const point of points_deg) {
      const seen = turned(this.rotation, directionOf(point));
      if (seen[2] > 0.05 && Math.max(Math.abs(seen[0]), Math.abs(seen[1])) < this.reach * 1.6 * seen[2]) {
        line.push(this.pixelOf(seen));
      } else if (line.length) {
        found.push(line);
        line = [];
      }
    }
    return line.length ? [...found, line] : found;
  }

  /** @returns {Point[]} directions along the frame's edge */
  frame_deg(steps = 8) {
    const [width, height] = [this.optics.width_px, this.optics.height_px];
    const along = Array.from({ length: steps }, (_, i) => i / steps);
    return [...along.map((s) => [s * width, 0]), ...along.map((s) => [width, s * height]), ...along.map((s) => [width - s * width, height]),
      ...along.map((s) => [0, height - s * height])].map((pixel) => this.unproject(pixel));
  }
}

/** u / (f x) for a squared tangent radius; beyond the fold the picture radius goes on with its last slope. */
export function radialScale(radius2, k1) {
  const limit = k1 < 0 ? FOLD_RESERVE / Math.sqrt(-3 * k1) : Number.POSITIVE_INFINITY;
  if (radius2 <= limit * limit) return 1 + k1 * radius2;
  const radius = Math.sqrt(radius2);
  return (limit * (1 + k1 * limit * limit) + (radius - limit) * (1 + 3 * k1 * limit * limit)) / radius;
}

function clipped(ring, [a, b, c, least]) {
  const side = (v) => a * v[0] + b * v[1] + c * v[2] - least;
  const kept = [];
  ring.forEach((corner, i) => {
    const before = ring[(i + ring.length - 1) % ring.length];
    const [now, last] = [side(corner), side(before)];
    if (now < 0 !== last < 0) {
      const share = last / (last - now);
      kept.push([0, 1, 2].map((axis) => before[axis] + share * (corner[axis] - before[axis])));
    }
    if (now >= 0) kept.push(corner);
  });
  return kept;
}

function interpolated(rows, at) {
  if (at <= rows[0][0]) return rows[0][1];
  for (let i = 1; i < rows.length; i += 1) {
    if (at <= rows[i][0]) {
      const share = (at - rows[i - 1][0]) / (rows[i][0] - rows[i - 1][0]);
      return rows[i - 1][1] + share * (rows[i][1] - rows[i - 1][1]);
    }
  }
  return rows[rows.length - 1][1];
}

function aboutY(p) {
  const [c, s] = [Math.cos(p), Math.sin(p)];
  return [[c, 0, -s], [0, 1, 0], [s, 0, c]];
}

function aboutX(t) {
  const [c, s] = [Math.cos(t), Math.sin(t)];
  return [[1, 0, 0], [0, c, s], [0, -s, c]];
}

function aboutZ(r) {
  const [c, s] = [Math.cos(r), Math.sin(r)];
  return [[c, -s, 0], [s, c, 0], [0, 0, 1]];
}

function product(a, b) {
  return a.map((row) => [0, 1, 2].map((column) => row[0] * b[0][column] + row[1] * b[1][column] + row[2] * b[2][column]));
}
