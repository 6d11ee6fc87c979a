/** What is wrong with a draft and what it changes, beside the drawing. */

import { element } from "./dom.js";
import { t, tn } from "./i18n.js";
import { areaText, changeChip, looseningText, problemText } from "./plan-words.js";

export class ChangeNote {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
  }

  /**
   * @param {{problems: any[], comparison: any | null}} found
   * @param {boolean} isChanged
   * @param {(mask: string) => void} go shows a mask
   */
  show({ problems, comparison }, isChanged, go) {
    if (problems.length) {
      this.place.replaceChildren(element("p", { class: "verdict is-loose" }, element("strong", {}, tn(problems.length, "{count} thing to correct", "{count} things to correct"))),
        element("ul", { class: "problem-list" }, ...problems.map((problem) => element("li", {}, problem.mask
          ? element("button", { type: "button", class: "plain", on: { click: () => go(problem.mask) } }, problemText(problem)) : problemText(problem)))));
      return;
    }
    const parts = [];
    if (comparison?.loosened.length) {
      parts.push(element("div", { class: "verdict is-loose" }, element("strong", {}, t("Masks less than the plan that counts.")),
        element("ul", {}, ...comparison.loosened.map((reason) => element("li", {}, looseningText(reason)))),
        t("Let go: {area}, drawn red. The second person must confirm it.", { area: areaText(comparison.lost, comparison.unit) })));
    } else {
      parts.push(element("p", { class: "verdict is-tight" }, isChanged ? t("In order. Nothing that is hidden now would be shown.") : t("In order. Nothing is changed yet.")));
    }
    const changed = (comparison?.masks ?? []).filter(({ change }) => change !== "unchanged");
    if (changed.length) {
      parts.push(element("ul", { class: "change-list" }, ...changed.map(({ mask, change, area_before: before, area_after: after }) =>
        element("li", {}, element("span", { class: "change-name" }, mask), changeChip(change),
          element("span", { class: "muted small number" }, `${before ? areaText(before, comparison.unit) : "–"} → ${after ? areaText(after, comparison.unit) : "–"}`)))));
    }
    this.place.replaceChildren(...parts);
  }

  /** @param {Error} error */
  fail(error) {
    this.place.replaceChildren(element("p", { class: "verdict" }, t("It could not be checked: {problem}", { problem: error.message })));
  }
}
