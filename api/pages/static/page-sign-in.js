/** Sign-in: one form, errors in words, and back to where the person came from. */

import { request } from "./api.js";
import { t } from "./i18n.js";
import { homeAddress, nextAddress } from "./next-address.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("sign-in"));
const error = /** @type {HTMLElement} */ (form.querySelector(".form-error"));
const address = new URL(location.href);

/** @param {string} text */
function say(text) {
  error.textContent = text;
  error.hidden = !text;
}

async function signIn(event) {
  event.preventDefault();
  const data = new FormData(form);
  const username = String(data.get("username")).trim();
  const password = String(data.get("password"));
  if (!username || !password) {
    say(t("Fill in your user name and your password."));
    form.elements.namedItem(username ? "password" : "username").focus();
    return;
  }
  const button = form.querySelector("button");
  button.disabled = true;
  say("");
  try {
    await request("POST", "/api/sign-in", { username, password }, { stay: true });
    location.assign(nextAddress() ?? homeAddress());
  } catch (reason) {
    say(reason.message);
    const field = form.elements.namedItem("password");
    field.value = "";
    field.focus();
  } finally {
    button.disabled = false;
  }
}

form.addEventListener("submit", signIn);
form.querySelector("button").disabled = false;
if (address.searchParams.get("reason") === "ended") say(t("Your session has ended. Sign in to go on."));
