/** The masks of a draft as a list: choose, rename, remove; where each comes from, and whether something is wrong with it. */

import { element, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { originText } from "./plan-words.js";

export class MaskList {
  /** @param {HTMLElement} place @param {any} draft @param {(index: number) => void} go shows a mask in the view */
  constructor(place, draft, go) {
    this.place = place;
    this.draft = draft;
    this.go = go;
    /** @type {Map<string, number | null>} */
    this.wrong = new Map();
    draft.addEventListener("change", () => this.show());
    draft.addEventListener("select", () => this.#mark());
    this.show();
  }

  show() {
    const rows = this.draft.masks.map((mask, index) => element("li", { class: this.wrong.has(mask.id) ? "is-wrong" : "", dataset: { index } },
      element("button", { type: "button", class: "plain mask-name", on: { click: () => this.#choose(index), dblclick: () => this.rename(index) } },
        element("span", {}, mask.id), element("span", { class: "muted small" }, originText(mask.origin))),
      iconButton("close", t("Remove {name}", { name: mask.id }), { class: "plain square small", on: { click: () => this.draft.remove(index) } })));
    this.place.replaceChildren(...(rows.length ? rows : [element("li", { class: "muted small" }, t("No mask yet. Press N and click round the dwelling."))]));
    this.#mark();
  }

  rename(index) {
    const item = this.place.children[index];
    const { id } = this.draft.masks[index];
    const field = /** @type {HTMLInputElement} */ (element("input", { value: id, maxLength: 80, "aria-label": t("Name of the mask") }));
    let isOver = false;
    const end = (isKept) => {
      if (isOver) return;
      isOver = true;
      if (isKept && field.value.trim() && field.value.trim() !== id) this.draft.rename(index, field.value.trim());
      else this.show();
    };
    field.addEventListener("blur", () => end(true));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter");
      event.stopPropagation();
    });
    item.replaceChildren(field);
    field.focus();
    field.select();
  }

  #choose(index) {
    this.draft.select(index);
    this.go(index);
  }

  #mark() {
    [...this.place.children].forEach((item, index) => item.toggleAttribute("aria-current", index === this.draft.selected));
    this.place.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }
}
