/**
 * The plan that somebody is drawing: masks, what is selected, and every step back. Fires `change` when masks changed and `select`
 * when the selection did. Rings are never changed in place: a step back is the list as it was.
 *
 * @typedef {[number, number]} Point
 * @typedef {{id: string, ring: Point[], origin: Record<string, any> | null}} Mask
 */

const MOST_STEPS = 200;
const LEAST_POINTS = 3;

export class PlanDraft extends EventTarget {
  /**
   * @param {Record<string, any>} document the plan to begin with
   * @param {Record<string, Record<string, any>>} origins
   * @param {{key: string, moved: Function, between: Function}} space
   */
  constructor(document, origins, space) {
    super();
    this.space = space;
    this.document0 = document;
    this.masks = readMasks(document, origins, space.key);
    this.selected = -1;
    this.point = -1;
    /** @type {Mask[][]} */
    this.before = [];
    /** @type {Mask[][]} */
    this.after = [];
    this.first = this.masks;
  }

  /** @returns {Record<string, any>} the plan as it is drawn now */
  document() {
    return { ...this.document0, masks: this.masks.map(({ id, ring }) => ({ id, [this.space.key]: ring })) };
  }

  /** @returns {Record<string, Record<string, any>>} */
  origins() {
    return Object.fromEntries(this.masks.filter(({ origin }) => origin).map(({ id, origin }) => [id, origin]));
  }

  get isChanged() {
    return this.masks !== this.first;
  }

  get mask() {
    return this.masks[this.selected] ?? null;
  }

  select(index, point = -1) {
    if (index === this.selected && point === this.point) return;
    this.selected = index;
    this.point = point;
    this.dispatchEvent(new Event("select"));
  }

  /** Take masks from elsewhere, as one step. */
  load(document, origins) {
    this.#step(readMasks(document, origins, this.space.key), -1);
  }

  add(ring, { id = this.freeName(), origin = null } = {}) {
    this.#step([...this.masks, { id, ring, origin }], this.masks.length);
  }

  remove(index) {
    this.#step(this.masks.filter((_, i) => i !== index), -1);
  }

  rename(index, id) {
    if (id && id !== this.masks[index].id) this.#step(this.#with(index, { id }), index);
  }

  insertPoint(index, after, point) {
    const { ring } = this.masks[index];
    this.#step(this.#with(index, { ring: [...ring.slice(0, after + 1), point, ...ring.slice(after + 1)] }), index, after + 1);
  }

  /** @returns {boolean} false when the mask would have too few points left */
  removePoint(index, at) {
    const { ring } = this.masks[index];
    if (ring.length <= LEAST_POINTS) return false;
    this.#step(this.#with(index, { ring: ring.filter((_, i) => i !== at) }), index);
    return true;
  }

  setRing(index, ring, point = this.point) {
    this.#step(this.#with(index, { ring }), index, point);
  }

  /** Show a ring while it is dragged; one step when the drag ends. */
  preview(index, ring) {
    this.masks = this.#with(index, { ring });
    this.dispatchEvent(new Event("preview"));
  }

  /** End a drag: from the masks as they were before it, to what is shown. */
  settle(before) {
    const shown = this.masks;
    this.masks = before;
    if (shown !== before) this.#step(shown, this.selected, this.point);
  }

  undo() {
    this.#go(this.before, this.after);
  }

  redo() {
    this.#go(this.after, this.before);
  }

  freeName() {
    const taken = new Set(this.masks.map(({ id }) => id));
    let number = this.masks.length + 1;
    while (taken.has(`m${number}`)) number += 1;
    return `m${number}`;
  }

  #with(index, change) {
    return this.masks.map((mask, i) => (i === index ? { ...mask, ...change } : mask));
  }

  #step(masks, selected, point = -1) {
    this.before.push(this.masks);
    if (this.before.length > MOST_STEPS) this.before.shift();
    this.after = [];
    this.masks = masks;
    this.selected = selected;
    this.point = point;
    this.#announce();
  }

  #go(from, to) {
    const masks = from.pop();
    if (!masks) return;
    to.push(this.masks);
    this.masks = masks;
    if (this.selected >= masks.length) this.selected = -1;
    this.point = -1;
    this.#announce();
  }

  #announce() {
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("select"));
  }
}

/** @returns {Mask[]} */
function readMasks(document, origins, key) {
  return (document.masks ?? []).map((mask) => ({ id: mask.id, ring: mask[key], origin: origins?.[mask.id] ?? null }));
}
