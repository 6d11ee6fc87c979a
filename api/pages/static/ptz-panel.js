/** The side panel of a moving camera: who has it, how fast it goes, buttons that hold, presets. */

import { request } from "./api.js";
import { controlText } from "./control-words.js";
import { element, iconButton } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { notice, noticeError } from "./notices.js";

const BUTTON_SPEED = 0.4;
const LOCK_CODE = "ptz.locked";

export class PtzPanel {
  /**
   * @param {HTMLElement} place
   * @param {any} placement
   * @param {boolean} mayTakeOver
   */
  constructor(place, placement, mayTakeOver) {
    this.place = place;
    this.placement = placement;
    this.mayTakeOver = mayTakeOver;
    /** @type {import("./ptz-link.js").PtzLink | null} */
    this.link = null;
    this.speed = element("span", { class: "ptz-speed" }, t("Still"));
    this.owner = element("div", { class: "ptz-owner", role: "status" });
    this.presets = element("div", { class: "ptz-presets" });
  }

  /** @param {import("./ptz-link.js").PtzLink} link */
  connect(link) {
    this.link = link;
    this.place.replaceChildren(
      element("div", { class: "side-head" }, element("h2", {}, this.placement.name), element("p", { class: "muted small" }, this.placement.area.name)),
      this.owner,
      element("section", {}, element("div", { class: "side-row" }, element("h3", {}, t("Movement")), this.speed), this.#pad()),
      element("section", {}, element("h3", {}, t("Presets")), this.presets),
      element("p", { class: "muted small" }, t("Drag on the picture to move, turn the wheel to zoom, double click to centre.")),
    );
    this.place.hidden = false;
    this.#loadPresets();
  }

  disconnect() {
    this.link = null;
    this.place.hidden = true;
    this.place.replaceChildren();
  }

  /** @param {import("./ptz-link.js").Speed} speed */
  showSpeed({ pan, tilt, zoom }) {
    const turn = Math.hypot(pan, tilt);
    const words = [];
    if (turn) words.push(t("turns {percent} %", { percent: formatNumber(turn * 100) }));
    if (zoom) words.push(zoom > 0 ? t("zooms in") : t("zooms out"));
    this.speed.textContent = words.join(", ") || t("Still");
    this.speed.classList.toggle("is-moving", words.length > 0);
  }

  /** As the server tells everybody who looks. @param {import("./control-words.js").Control | null} control */
  showControl(control) {
    this.owner.className = `ptz-owner${control ? (control.is_own ? " is-mine" : " is-theirs") : ""}`;
    const text = control ? controlText(control) : t("Nobody has the control now");
    if (!control || control.is_own || !this.mayTakeOver) this.owner.replaceChildren(element("span", {}, text));
    else if (this.owner.querySelector("button")) this.owner.querySelector("span").textContent = text;
    else this.owner.replaceChildren(element("span", {}, text), element("button", { type: "button", class: "small", on: { click: () => this.#takeOver() } }, t("Take over")));
  }

  /** @param {import("./api.js").ApiError} error */
  showError(error) {
    if (error.code !== LOCK_CODE) {
      noticeError(error);
      return;
    }
    notice(error.message);
  }

  async #takeOver() {
    try {
      await request("POST", `/api/placements/${encodeURIComponent(this.placement.id)}/ptz/lock`, { take_over: true });
    } catch (error) {
      noticeError(error);
    }
  }

  #pad() {
    const hold = (symbol, name, cell, change) => {
      const axis = Object.keys(change)[0];
      const go = () => this.link?.move(change);
      const halt = () => this.link?.move({ [axis]: 0 });
      return iconButton(symbol, name, {
        class: `square pad-${cell}`,
        on: {
          pointerdown: (event) => {
            event.target.setPointerCapture?.(event.pointerId);
            go();
          },
          pointerup: halt,
          pointercancel: halt,
          keydown: (event) => [" ", "Enter"].includes(event.key) && !event.repeat && go(),
          keyup: (event) => [" ", "Enter"].includes(event.key) && halt(),
          blur: halt,
        },
      });
    };
    return element("div", { class: "ptz-pad" },
      hold("up", t("Up"), "up", { tilt: BUTTON_SPEED }), hold("left", t("Left"), "left", { pan: -BUTTON_SPEED }),
      hold("right", t("Right"), "right", { pan: BUTTON_SPEED }), hold("down", t("Down"), "down", { tilt: -BUTTON_SPEED }),
      hold("plus", t("Zoom in"), "in", { zoom: BUTTON_SPEED }), hold("minus", t("Zoom out"), "out", { zoom: -BUTTON_SPEED }));
  }

  async #loadPresets() {
    try {
      const answer = await request("GET", `/api/placements/${encodeURIComponent(this.placement.id)}/presets`);
      this.presets.replaceChildren(...answer.presets.map(({ id, name }) => element("button", {
        type: "button", on: { click: () => this.link?.act({ kind: "ptz.goto_preset", preset: id }) },
      }, name || id)));
      if (!answer.presets.length) this.presets.append(element("p", { class: "muted small" }, t("This camera has no presets.")));
    } catch (error) {
      this.presets.replaceChildren(element("p", { class: "muted small" }, error.message));
    }
  }
}
