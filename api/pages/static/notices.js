/** Short messages at the corner of the page. */

import { element, iconButton } from "./dom.js";
import { t } from "./i18n.js";

const SHOWN_MS = 6000;
const SHOWN_BAD_MS = 12_000;

/**
 * @param {string} text
 * @param {"info" | "ok" | "bad"} [kind]
 */
export function notice(text, kind = "info") {
  const place = document.getElementById("toasts");
  if (!place || [...place.children].some((shown) => shown.dataset.text === text)) return;
  const close = iconButton("close", t("Close"), { class: "plain square" });
  const toast = element("div", { class: `toast ${kind}`, dataset: { text } }, element("span", {}, text), close);
  const remove = () => toast.remove();
  close.addEventListener("click", remove);
  setTimeout(remove, kind === "bad" ? SHOWN_BAD_MS : SHOWN_MS);
  place.append(toast);
}

/** @param {unknown} error */
export function noticeError(error) {
  notice(error instanceof Error ? error.message : String(error), "bad");
}
