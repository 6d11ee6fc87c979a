/** Masks that are proposed: looked at, and accepted or rejected one by one. Nothing is masked by a proposal. */

import { formatDate, parseInstant } from "./civil-time.js";
import { askForm, labelled } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { t, tn } from "./i18n.js";
import { originText } from "./plan-words.js";

export class ProposalList {
  /**
   * @param {HTMLElement} place
   * @param {{go: (ring: any) => void, accept: (proposal: any) => void, reject: (proposal: any, reason: string) => Promise<any>,
   *   changed: (left: any[]) => void}} acts
   */
  constructor(place, acts) {
    this.place = place;
    this.acts = acts;
    /** @type {{id: string, ring: [number, number][], origin: any, rejected: any}[]} rejected: who did so before, when and why */
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
    const accept = () => {
      this.acts.accept(next);
      this.show(others);
    };
    const reject = async () => {
      if (next.rejected?.same_outline || (await this.#reject(next))) this.show(others);
    };
    this.place.replaceChildren(element("section", { class: "proposals" }, element("h2", {}, tn(proposals.length, "{count} proposal", "{count} proposals")),
      element("button", { type: "button", class: "plain mask-name", on: { click: () => this.acts.go(next.ring) } }, element("strong", {}, next.id),
        element("span", { class: "muted small" }, originText(next.origin)), element("span", { class: "muted small" }, distanceText(next.origin)), rejectedBefore(next.rejected)),
      element("div", { class: "proposal-acts" }, textButton(t("Accept"), "small primary", accept),
        textButton(next.rejected?.same_outline ? t("Stays rejected") : t("Reject"), "small", reject),
        textButton(t("Later"), "small", () => this.show([...others, next])))));
    this.acts.go(next.ring);
  }

  /** @returns {Promise<any>} null when the person thought better of it */
  #reject(proposal) {
    return askForm({
      title: t("Reject {name}?", { name: proposal.id }),
      lead: t("The log keeps who rejected it and why. When it is proposed again, that is shown with it."),
      fields: [labelled(t("Why it is no mask"), element("textarea", { name: "reason", maxLength: 1000 }))],
      submitText: t("Reject"),
      submit: async (data) => {
        await this.acts.reject(proposal, String(data.get("reason")).trim());
        return true;
      },
    });
  }
}

/** @param {{by: {name: string}, at: string, reason: string, same_outline: boolean} | null} rejected */
function rejectedBefore(rejected) {
  if (!rejected) return null;
  const words = t("Rejected on {date} by {name}: {reason}", { date: formatDate(parseInstant(rejected.at)), name: rejected.by.name, reason: rejected.reason });
  return element("span", { class: "small line rejected-before" }, words, rejected.same_outline ? null : ` ${t("Its outline has changed since.")}`);
}

function distanceText(origin) {
  if (!origin?.distance_m) return "";
  return t("{distance} m away, {height} m high", { distance: Math.round(origin.distance_m), height: Math.round(origin.height_m ?? 0) });
}
