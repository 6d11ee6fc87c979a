/** A table that the server is asked for again and again, and that is drawn anew only when something changed. */

import { request } from "./api.js";
import { element } from "./dom.js";

const POLL_MS = 2000;

export class WatchedList {
  /**
   * @param {HTMLElement} place
   * @param {string} path of the API
   * @param {(answer: any) => HTMLElement} draw makes the table; its rows carry `data-id`
   */
  constructor(place, path, draw) {
    this.place = place;
    this.path = path;
    this.draw = draw;
    this.shown = "";
  }

  /** Show the list, and keep it fresh while the page can be seen. */
  async watch() {
    await this.load();
    setInterval(() => !document.hidden && this.refresh(true), POLL_MS);
  }

  /** Ask and draw, whether or not the answer changed: something else on the page may have. */
  load() {
    this.shown = "";
    return this.refresh(false);
  }

  /** @param {boolean} background nobody asked for it: an error leaves on the page what is there */
  async refresh(background) {
    try {
      const answer = await request("GET", this.path, undefined, { background });
      const text = JSON.stringify(answer);
      // Focus and selection stay where they are.
      if (text === this.shown) return;
      this.shown = text;
      const focused = document.activeElement?.closest("tr")?.dataset.id;
      this.place.replaceChildren(this.draw(answer));
      if (focused) this.place.querySelector(`tr[data-id="${CSS.escape(focused)}"] button`)?.focus({ preventScroll: true });
    } catch (error) {
      if (!background) this.place.replaceChildren(element("p", { class: "empty" }, error.message));
    } finally {
      this.place.setAttribute("aria-busy", "false");
    }
  }
}
