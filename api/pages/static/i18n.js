/** Texts of the modules: the English text is the key, the catalogue of the page's language gives the rest. */

const language = document.documentElement.lang || "nl";
const answer = await fetch(`/static-locale/${language}.json`);
/** @type {Record<string, string>} */
const catalogue = answer.ok ? await answer.json() : {};

/** @returns {string} `nl` or `en` */
export function currentLanguage() {
  return language;
}

/**
 * @param {string} text English, with {named} fields; always a literal, so that the extractor sees it
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(text, values = {}) {
  const found = catalogue[text] || text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * Choose between one and several; both are literals for the extractor.
 * @param {number} count
 * @param {string} one
 * @param {string} many
 * @param {Record<string, string | number>} [values]
 */
export function tn(count, one, many, values = {}) {
  return t(count === 1 ? one : many, { ...values, count: formatNumber(count) });
}

/**
 * @param {number} value
 * @param {number} [digits] decimals
 */
export function formatNumber(value, digits = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {string[]} names @returns {string} one after the other as people write them; a comma inside of one stays readable */
export function listed(names) {
  if (names.length === 1) return names[0];
  return new Intl.ListFormat(language, { type: "conjunction" }).format(names.map((name) => (name.includes(",") ? `“${name}”` : name)));
}

const SIZES = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} bytes */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${formatNumber(value, unit && value < 100 ? 1 : 0)} ${SIZES[unit]}`;
}
