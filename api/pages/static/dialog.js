/** Modal dialogs on the browser's own <dialog>: focus stays inside, Escape closes, focus goes back. */

import { element, textButton } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Show content until it is closed.
 * @param {string} title
 * @param {...(Node | string)} content
 */
export function showDialog(title, ...content) {
  const dialog = open(title, (close) =>
    element("div", { class: "dialog-body" }, head(title, ""), ...content, buttons(null, textButton(t("Close"), "primary", close))));
  return dialog;
}

/**
 * Show a form; `submit` does the work, and its error is shown in the form, which stays open.
 * @param {{title: string, lead?: string, fields: Node[], submitText: string, danger?: boolean,
 *   submit: (data: FormData, form: HTMLFormElement) => Promise<any>}} options
 * @returns {Promise<any>} what `submit` gave, or null when the person cancelled
 */
export function askForm({ title, lead = "", fields, submitText, danger = false, submit }) {
  return new Promise((resolve) => {
    let result = null;
    const dialog = open(title, (close) => {
      const error = element("p", { class: "form-error", role: "alert", hidden: true });
      const send = element("button", { type: "submit", class: danger ? "danger" : "primary" }, submitText);
      const form = /** @type {HTMLFormElement} */ (element("form", { noValidate: true }, head(title, lead), ...fields,
        buttons(error, textButton(t("Cancel"), "", close), send)));
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        error.hidden = true;
        send.disabled = true;
        try {
          result = await submit(new FormData(form), form);
          close();
        } catch (reason) {
          error.textContent = reason.message;
          error.hidden = false;
        } finally {
          send.disabled = false;
        }
      });
      return form;
    });
    dialog.addEventListener("close", () => resolve(result));
  });
}

/** A field is wrong: mark it, put the cursor there, and say why. */
export class FieldError extends Error {
  /**
   * @param {HTMLFormElement} form
   * @param {string} name
   * @param {string} message
   */
  constructor(form, name, message) {
    super(message);
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLElement) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  }
}

/**
 * @param {string} text label
 * @param {HTMLElement} field
 * @param {string} [help]
 */
export function labelled(text, field, help) {
  return element("label", {}, text, field, help ? element("span", { class: "field-help" }, help) : null);
}

/**
 * A field for a time or a day, typed day first and with 24 hours.
 * @param {string} name
 * @param {string} value
 * @param {"time" | "day"} kind
 */
export function timeField(name, value, kind) {
  return element("input", { name, value, placeholder: kind === "day" ? t("dd-mm-yyyy") : t("dd-mm-yyyy hh:mm:ss"), autocomplete: "off", spellcheck: false, inputMode: "numeric" });
}

/**
 * @param {string} name
 * @param {{value: string, text: string}[]} choices
 * @param {string} [chosen]
 */
export function select(name, choices, chosen) {
  return element("select", { name }, ...choices.map(({ value, text }) => element("option", { value, selected: value === chosen }, text)));
}

function open(title, build) {
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { "aria-label": title }));
  dialog.append(build(() => dialog.close()));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function head(title, lead) {
  return element("div", { class: "dialog-head" }, element("h2", {}, title), lead ? element("p", { class: "muted" }, lead) : null);
}

function buttons(error, ...children) {
  return element("div", { class: "dialog-foot" }, error, element("div", { class: "dialog-buttons" }, ...children));
}
