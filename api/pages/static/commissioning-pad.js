/** Buttons that turn the camera while they are held, for whoever sees it unblanked. */

import { element, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { PtzLink } from "./ptz-link.js";
import { noticeError } from "./notices.js";

const SPEED = 0.25;

export class CommissioningPad {
  /** @param {string} leaveId */
  constructor(leaveId) {
    this.link = new PtzLink("", { onSpeed: () => {}, onError: noticeError, onAnswer: () => {} });
    this.link.address = `/api/commissioning/${encodeURIComponent(leaveId)}/ptz`;
    this.place = element("div", { class: "commissioning-pad", role: "group", "aria-label": t("Movement") },
      this.#button("left", t("Left"), { pan: -SPEED }), this.#button("right", t("Right"), { pan: SPEED }),
      this.#button("up", t("Up"), { tilt: SPEED }), this.#button("down", t("Down"), { tilt: -SPEED }),
      this.#button("plus", t("Zoom in"), { zoom: SPEED }), this.#button("minus", t("Zoom out"), { zoom: -SPEED }));
  }

  connect() {
    this.link.connect();
  }

  disconnect() {
    this.link.disconnect();
    this.place.remove();
  }

  #button(symbol, name, speed) {
    const stop = () => this.link.stop();
    return iconButton(symbol, name, {
      class: "square",
      on: {
        pointerdown: (event) => {
          event.target.setPointerCapture?.(event.pointerId);
          this.link.move(speed);
        },
        pointerup: stop,
        pointercancel: stop,
        lostpointercapture: stop,
        keydown: (event) => {
          if (event.key !== " " && event.key !== "Enter") return;
          event.preventDefault();
          if (!event.repeat) this.link.move(speed);
        },
        keyup: stop,
        blur: stop,
      },
    });
  }
}
