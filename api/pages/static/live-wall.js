/**
 * <live-wall>: tiles as large as the room allows; one of them selected, or large with the others in a strip.
 *
 * Fires `selected` with {placement} and `focused` with {placement | null}. Keys: 1-9 select, Enter or double click makes large,
 * Escape goes back.
 */

import { CameraTile } from "./camera-tile.js";
import { fitFocus, fitGrid } from "./grid-fit.js";
import { keyIsTaken } from "./shell.js";

const CAPTION_PX = 28;
const GAP_PX = 6;

export class LiveWall extends HTMLElement {
  constructor() {
    super();
    this.selectedId = "";
    this.focusedId = "";
    this.observer = new ResizeObserver(() => this.#arrange());
    this.atKey = (event) => this.#atKey(event);
    this.atPress = (event) => this.#atPress(event);
    this.atDouble = (event) => this.#atDouble(event);
    this.atFocus = (event) => this.#atFocus(event);
  }

  connectedCallback() {
    this.observer.observe(this);
    addEventListener("keydown", this.atKey);
    this.addEventListener("pointerdown", this.atPress);
    this.addEventListener("dblclick", this.atDouble);
    this.addEventListener("focusin", this.atFocus);
  }

  disconnectedCallback() {
    this.observer.disconnect();
    removeEventListener("keydown", this.atKey);
    this.removeEventListener("pointerdown", this.atPress);
    this.removeEventListener("dblclick", this.atDouble);
    this.removeEventListener("focusin", this.atFocus);
  }

  /** @returns {CameraTile[]} */
  get tiles() {
    return /** @type {CameraTile[]} */ ([...this.children]);
  }

  /**
   * Show exactly these placements; tiles that stay are not touched, so that their pictures go on.
   * @param {any[]} placements
   */
  show(placements) {
    const kept = new Map(this.tiles.map((tile) => [tile.placement.id, tile]));
    for (const [id, tile] of kept) if (!placements.some((placement) => placement.id === id)) tile.remove();
    placements.forEach((placement, index) => {
      const known = kept.get(placement.id);
      if (known) {
        known.report(placement);
        return;
      }
      const tile = new CameraTile();
      tile.placement = placement;
      tile.number = index < 9 ? index + 1 : 0;
      this.append(tile);
    });
    if (!placements.some(({ id }) => id === this.focusedId)) this.focusedId = "";
    if (!placements.some(({ id }) => id === this.selectedId)) this.select(placements[0]?.id ?? "");
    this.#arrange();
  }

  /** @param {string} id */
  select(id) {
    if (id === this.selectedId) return;
    this.selectedId = id;
    for (const tile of this.tiles) tile.classList.toggle("is-selected", tile.placement.id === id);
    this.dispatchEvent(new CustomEvent("selected", { detail: { placement: this.#placement(id) } }));
  }

  /** @param {string} id large, or empty for the grid */
  enlarge(id) {
    this.focusedId = id;
    if (id) this.select(id);
    this.#arrange();
    this.dispatchEvent(new CustomEvent("focused", { detail: { placement: this.#placement(id) } }));
  }

  #placement(id) {
    return this.tiles.find((tile) => tile.placement.id === id)?.placement ?? null;
  }

  /** @param {Event} event @returns {CameraTile | null} */
  #tileOf(event) {
    return event.target instanceof Element ? event.target.closest("camera-tile") : null;
  }

  #atPress(event) {
    const tile = this.#tileOf(event);
    if (tile) this.select(tile.placement.id);
  }

  #atFocus(event) {
    const tile = this.#tileOf(event);
    if (tile && tile.matches(":focus-visible")) this.select(tile.placement.id);
  }

  #atDouble(event) {
    const tile = this.#tileOf(event);
    // On the large picture of a moving camera a double click centres; the control has it then.
    if (!tile || event.defaultPrevented) return;
    this.enlarge(tile.placement.id === this.focusedId ? "" : tile.placement.id);
  }

  #atKey(event) {
    if (keyIsTaken(event)) return;
    const onButton = event.target instanceof HTMLElement && event.target.closest("button, a");
    if (/^[1-9]$/.test(event.key)) {
      const tile = this.tiles[Number(event.key) - 1];
      if (!tile) return;
      tile.focus({ preventScroll: true });
      if (this.focusedId) this.enlarge(tile.placement.id);
      else this.select(tile.placement.id);
    } else if (event.key === "Enter" && !onButton && this.selectedId) this.enlarge(this.focusedId ? "" : this.selectedId);
    else if (event.key === "Escape" && this.focusedId) this.enlarge("");
    else return;
    event.preventDefault();
  }

  #arrange() {
    const { clientWidth: width_px, clientHeight: height_px } = this;
    const tiles = this.tiles;
    if (!tiles.length || !width_px) return;
    const isFocused = Boolean(this.focusedId) && tiles.length > 1;
    this.classList.toggle("is-focused", isFocused);
    for (const tile of tiles) tile.classList.toggle("is-large", tile.placement.id === this.focusedId);
    if (isFocused) {
      const { side, large_px, strip_px } = fitFocus(width_px, height_px, CAPTION_PX, GAP_PX);
      this.dataset.strip = side;
      this.style.setProperty("--large", `${large_px}px`);
      this.style.setProperty("--inset", side === "bottom" ? `${Math.floor((width_px - large_px) / 2)}px` : "0px");
      this.style.setProperty("--strip", `${strip_px}px`);
      return;
    }
    const { columns, tileWidth_px } = fitGrid(tiles.length, width_px, height_px, CAPTION_PX, GAP_PX);
    this.style.setProperty("--columns", String(columns));
    this.style.setProperty("--tile", `${tileWidth_px}px`);
  }
}

customElements.define("live-wall", LiveWall);
