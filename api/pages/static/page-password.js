/** Choosing one's own password: the old one, the new one twice, and on to where the person came from. */

import { askMe, leaveToSignIn, request } from "./api.js";
import { t } from "./i18n.js";
import { homeAddress, nextAddress } from "./next-address.js";
import "./shell.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("own-password"));
const error = /** @type {HTMLElement} */ (form.querySelector(".form-error"));
const done = /** @type {HTMLElement} */ (form.querySelector(".form-done"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const isFirst = document.querySelector(".own-password-first") !== null;
/** Which field to correct, by what is wrong. @type {Record<string, string>} */
const FIELD_OF = { "password.old": "old", "auth.locked": "old" };

/** @param {string} name */
function field(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** @param {string} text @param {string} [name] of the field to correct */
function say(text, name) {
  error.textContent = text;
  error.hidden = !text;
  done.hidden = true;
  for (const one of ["old", "new", "again"]) field(one).setAttribute("aria-invalid", String(one === name));
  if (name) field(name).focus();
}

/** @returns {boolean} whether all is filled in; says what is not */
function isComplete() {
  const missing = ["old", "new", "again"].find((name) => !field(name).value);
  if (missing) {
    say(t("Fill in the old password, and the new one twice."), missing);
    return false;
  }
  if (field("new").value !== field("again").value) {
    field("again").value = "";
    say(t("The two new passwords differ. Type the new one once more."), "again");
    return false;
  }
  return true;
}

/** @param {any} reason */
function refuse(reason) {
  if (reason.code === "auth.required") {
    leaveToSignIn("ended");
    return;
  }
  const name = FIELD_OF[reason.code] ?? "new";
  if (name === "old") field("old").value = "";
  else for (const one of ["new", "again"]) field(one).value = "";
  say(reason.message, name);
}

async function finish() {
  const next = nextAddress();
  if (isFirst || next) {
    location.assign(next ?? homeAddress());
    return;
  }
  form.reset();
  // The session goes on under a new cookie, and with it another token.
  await askMe(false);
  say("");
  done.textContent = t("Your password was changed. Wherever else you were signed in, you are signed out.");
  done.hidden = false;
}

/** @param {SubmitEvent} event */
async function choose(event) {
  event.preventDefault();
  say("");
  if (!isComplete()) return;
  button.disabled = true;
  try {
    await request("POST", "/api/me/password", { old: field("old").value, new: field("new").value }, { stay: true });
    await finish();
  } catch (reason) {
    refuse(reason);
  } finally {
    button.disabled = false;
  }
}

form.addEventListener("submit", choose);
button.disabled = false;
