/**
 * The pointer on a `<mask-view>`: click to choose or to put points, drag a point, a mask or the view, drag the middle of an edge (or
 * double-click the edge) to insert a point, wheel to zoom.
 */

const NEAR_PX = 9;
const CLOSE_PX = 12;
const ZOOM_STEP = 0.06;
const CLICK_PX = 3;

export class MaskPointer {
  /** @param {any} view a `<mask-view>` */
  constructor(view) {
    this.view = view;
    /** @type {[number, number] | null} where the pointer is, frame pixels */
    this.at = null;
    /** @type {any} what is being dragged */
    this.drag = null;
    this.handlers = [
      ["pointerdown", (event) => this.#down(event)],
      ["pointermove", (event) => this.#move(event)],
      ["pointerup", () => this.#up()],
      ["pointercancel", () => this.#up()],
      ["dblclick", (event) => this.#double(event)],
      ["wheel", (event) => this.#wheel(event), { passive: false }],
    ];
  }

  connect() {
    for (const [name, handler, options] of this.handlers) this.view.addEventListener(name, handler, options);
  }

  disconnect() {
    for (const [name, handler] of this.handlers) this.view.removeEventListener(name, handler);
  }

  /** Begin a new mask: the next clicks put its points. */
  begin() {
    this.view.draft.select(-1);
    this.view.trail = [];
    this.#trailChanged();
  }

  /** End the mask that is being drawn; with fewer than three points it is dropped. */
  finish() {
    const trail = this.view.trail;
    this.view.trail = null;
    if (trail?.length >= 3) this.view.draft.add(trail);
    this.#trailChanged();
  }

  cancel() {
    this.view.trail = null;
    this.#trailChanged();
  }

  takeBack() {
    if (this.view.trail) {
      this.view.trail = this.view.trail.slice(0, -1);
      this.#trailChanged();
    }
  }

  #trailChanged() {
    this.view.dispatchEvent(new Event("trail"));
    this.view.repaint();
  }

  #down(event) {
    if (event.button !== 0) return;
    this.view.focus({ preventScroll: true });
    this.view.setPointerCapture(event.pointerId);
    const pixel = this.view.frameOf(event);
    const { draft, space, readOnly } = this.view;
    const at = space.at(this.view.pose);
    this.drag = { kind: "view", from: pixel, event, pose: this.view.pose, moved: false };
    if (readOnly || !draft) return;
    if (this.view.trail) {
      this.drag.kind = "trail";
      return;
    }
    const hit = this.#hit(at, pixel);
    if (!hit) return;
    Object.assign(this.drag, hit, { before: draft.masks, start: at.fromFrame(pixel) });
    if (hit.kind === "middle") {
      const { ring } = draft.masks[hit.index];
      this.drag.base = [...ring.slice(0, hit.point + 1), at.fromFrame(pixel), ...ring.slice(hit.point + 1)];
      this.drag.point = hit.point + 1;
    } else {
      this.drag.base = draft.masks[hit.index].ring;
    }
    draft.select(hit.index, hit.kind === "point" ? hit.point : -1);
  }

  #move(event) {
    const pixel = this.view.frameOf(event);
    this.at = pixel;
    if (this.view.trail) this.view.repaint();
    if (!this.drag) return;
    const away = Math.hypot(event.clientX - this.drag.event.clientX, event.clientY - this.drag.event.clientY);
    if (!this.drag.moved && away < CLICK_PX) return;
    this.drag.moved = true;
    const { draft, space } = this.view;
    const at = space.at(this.view.pose);
    if (this.drag.kind === "point" || this.drag.kind === "middle") {
      const ring = this.drag.base.map((point, i) => (i === this.drag.point ? at.fromFrame(pixel) : point));
      draft.point = this.drag.point;
      draft.preview(this.drag.index, ring);
    } else if (this.drag.kind === "mask") {
      draft.preview(this.drag.index, space.moved(this.drag.base, this.drag.start, at.fromFrame(pixel)));
    } else if (space.moves) {
      this.#turn(pixel);
    }
  }

  /** Turn the view so that what was under the pointer stays under it, as near as two axes can. */
  #turn(pixel) {
    const from = this.view.space.at(this.drag.pose);
    const [a, b] = [from.view.unproject(this.drag.from), from.view.unproject(pixel)];
    const optics = this.view.space.optics;
    let pan_deg = a[0] - b[0];
    if (Math.abs(pan_deg) > 180) pan_deg -= Math.sign(pan_deg) * 360;
    this.view.turn({
      ...this.drag.pose,
      pan_deg: this.drag.pose.pan_deg + pan_deg / optics.panScale,
      tilt_deg: this.drag.pose.tilt_deg + (a[1] - b[1]) / optics.tiltScale,
    });
  }

  #up() {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    const { draft } = this.view;
    if (!drag.moved && drag.kind === "trail") this.#put(drag.from);
    else if (!drag.moved && drag.kind === "view") draft?.select(-1);
    else if (drag.moved && drag.before) draft.settle(drag.before);
  }

  #put(pixel) {
    const at = this.view.space.at(this.view.pose);
    const first = this.view.trail.length ? at.toFrame(this.view.trail[0]) : null;
    if (first && this.view.trail.length >= 3 && Math.hypot(first[0] - pixel[0], first[1] - pixel[1]) * this.view.fit.scale < CLOSE_PX) {
      this.finish();
      return;
    }
    this.view.trail = [...this.view.trail, at.fromFrame(pixel)];
    this.#trailChanged();
  }

  #double(event) {
    const { draft, space, readOnly } = this.view;
    if (readOnly || !draft) return;
    if (this.view.trail) {
      // The second click of the pair has put its point where the first one is.
      this.view.trail = this.view.trail.slice(0, -1);
      this.finish();
      return;
    }
    const at = space.at(this.view.pose);
    const pixel = this.view.frameOf(event);
    const edge = draft.mask && this.#edge(at, draft.mask.ring, pixel);
    if (edge !== null && edge !== undefined) draft.insertPoint(draft.selected, edge, at.fromFrame(pixel));
  }

  #wheel(event) {
    if (!this.view.space?.moves) return;
    event.preventDefault();
    const { pose, space } = this.view;
    const pixel = this.view.frameOf(event);
    const held = space.at(pose).view.unproject(pixel);
    const zoom = Math.min(1, Math.max(0, pose.zoom - Math.sign(event.deltaY) * ZOOM_STEP));
    const now = space.at({ ...pose, zoom }).view.unproject(pixel);
    let pan_deg = held[0] - now[0];
    if (Math.abs(pan_deg) > 180) pan_deg -= Math.sign(pan_deg) * 360;
    this.view.turn({ zoom, pan_deg: pose.pan_deg + pan_deg / space.optics.panScale, tilt_deg: pose.tilt_deg + (held[1] - now[1]) / space.optics.tiltScale });
  }

  /** What lies under a pixel: a point or an edge's middle of the chosen mask, or the inside of a mask. */
  #hit(at, pixel) {
    const { draft, space, fit } = this.view;
    const isNear = (point) => {
      const seen = at.toFrame(point);
      return seen && Math.hypot(seen[0] - pixel[0], seen[1] - pixel[1]) * fit.scale < NEAR_PX;
    };
    if (draft.mask) {
      const { ring } = draft.mask;
      const point = ring.findIndex(isNear);
      if (point >= 0) return { kind: "point", index: draft.selected, point };
      const middle = ring.findIndex((corner, i) => isNear(space.between(corner, ring[(i + 1) % ring.length])));
      if (middle >= 0) return { kind: "middle", index: draft.selected, point: middle };
    }
    const inside = draft.masks.map(({ ring }, index) => ({ index, outline: at.outline(ring) })).filter(({ outline }) => outline.length > 2 && contains(outline, pixel));
    const found = inside.find(({ index }) => index === draft.selected) ?? inside[inside.length - 1];
    return found ? { kind: "mask", index: found.index, point: -1 } : null;
  }

  #edge(at, ring, pixel) {
    let best = null;
    let least_px = NEAR_PX;
    ring.forEach((corner, i) => {
      const [a, b] = [at.toFrame(corner), at.toFrame(ring[(i + 1) % ring.length])];
      if (!a || !b) return;
      const length2 = (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 || 1;
      const share = Math.min(1, Math.max(0, ((pixel[0] - a[0]) * (b[0] - a[0]) + (pixel[1] - a[1]) * (b[1] - a[1])) / length2));
      const away_px = Math.hypot(a[0] + share * (b[0] - a[0]) - pixel[0], a[1] + share * (b[1] - a[1]) - pixel[1]) * this.view.fit.scale;
      if (away_px < least_px) [best, least_px] = [i, away_px];
    });
    return best;
  }
}

/** @param {[number, number][]} outline @param {[number, number]} pixel even-odd rule */
export function contains(outline, [x, y]) {
  let inside = false;
  outline.forEach(([ax, ay], i) => {
    const [bx, by] = outline[(i + 1) % outline.length];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}
