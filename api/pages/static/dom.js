/** Make elements in one expression, without ever parsing text as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties] `class`, `dataset`, `on: {event: handler}`; names with a dash or that the element
 *   does not know become attributes; null and undefined are left out
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name in node && !name.includes("-")) node[name] = value;
    else node.setAttribute(name, String(value));
  }
  // A list would become "[object Object]", which a <select> does not even show.
  if (children.some(Array.isArray)) throw new TypeError(`list-as-child: ${tag}`);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * @param {string} name a symbol of icons.svg
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button that shows an icon alone; its name is there for the pointer and for screen readers.
 * @param {string} symbol
 * @param {string} name
 * @param {Record<string, any>} [properties]
 */
export function iconButton(symbol, name, properties = {}) {
  return element("button", { type: "button", title: name, "aria-label": name, ...properties }, icon(symbol));
}

/** @param {string} text @param {string} kind classes @param {() => void} run when it is pressed */
export function textButton(text, kind, run) {
  return element("button", { type: "button", class: kind, on: { click: run } }, text);
}
