/** Masks that are proposed: looked at, and accepted or rejected one by one. Nothing is masked by a proposal. */

import { element, textButton } from "./dom.js";
import { t, tn } from "./i18n.js";
import { originText } from "./plan-words.js";

export class ProposalList {
  /**
   * @param {HTMLElement} place
   * @param {{go: (ring: any) => void, accept: (proposal: any) => void, changed: (left: any[]) => void}} acts
   */
  constructor(place, acts) {
    this.place = place;
    this.acts = acts;
    /** @type {{id: string, ring: [number, number][], origin: any}[]} */
    this.left = [];
  }

  /** @param {any[]} proposals */
  show(proposals) {
    this.left = proposals;
    this.acts.changed(proposals);
    if (!proposals.length) {
      this.place.replaceChildren();
      return;
    }
    const [next, ...others] = proposals;
    const decide = (act) => () => {
      act();
      this.show(others);
    };
    this.place.replaceChildren(element("section", { class: "proposals" }, element("h2", {}, tn(proposals.length, "{count} proposal", "{count} proposals")),
      element("button", { type: "button", class: "plain mask-name", on: { click: () => this.acts.go(next.ring) } }, element("strong", {}, next.id),
        element("span", { class: "muted small" }, originText(next.origin)), element("span", { class: "muted small" }, distanceText(next.origin))),
      element("div", { class: "proposal-acts" }, textButton(t("Accept"), "small primary", decide(() => this.acts.accept(next))), textButton(t("Reject"), "small", decide(() => {})),
        textButton(t("Later"), "small", () => this.show([...others, next])))));
    this.acts.go(next.ring);
  }
}

function distanceText(origin) {
  if (!origin?.distance_m) return "";
  return t("{distance} m away, {height} m high", { distance: Math.round(origin.distance_m), height: Math.round(origin.height_m ?? 0) });
}
