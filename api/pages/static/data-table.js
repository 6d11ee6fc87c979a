/** A plain table with headers, and what to show when it is empty. */

import { element } from "./dom.js";

/**
 * @param {string} name for screen readers
 * @param {{title: string, class?: string}[]} columns
 * @param {HTMLElement[]} rows made by `row`
 * @param {string} emptyText
 */
export function table(name, columns, rows, emptyText) {
  if (!rows.length) return element("p", { class: "empty" }, emptyText);
  return element("div", { class: "table-frame" }, element("table", { "aria-label": name },
    element("thead", {}, element("tr", {}, ...columns.map((column) => element("th", { scope: "col", class: column.class ?? "" }, column.title)))),
    element("tbody", {}, ...rows)));
}

/**
 * @param {{class?: string, content: (Node | string | null)[]}[]} cells
 * @param {Record<string, any>} [properties]
 */
export function row(cells, properties = {}) {
  return element("tr", properties, ...cells.map((cell) => element("td", { class: cell.class ?? "" }, ...cell.content)));
}

/** @param {string} kind `ok`, `warn`, `bad`, `quiet`, `held` @param {string} text */
export function chip(kind, text) {
  return element("span", { class: `chip ${kind}` }, text);
}
