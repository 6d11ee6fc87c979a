/** The session that ends: a minute's warning with a sound, and signing in again over a page that holds what somebody filled in. */

import { askMe, leaveToSignIn, request, serverNow_ms, signals } from "./api.js";
import { parseInstant, SECOND_MS } from "./civil-time.js";
import { element, textButton } from "./dom.js";
import { t, tn } from "./i18n.js";

const WARN_MS = 60_000;
const TICK_MS = 500;
const TONE_HZ = 880;
const TONE_S = 0.18;
const TONES = 3;

/** @type {{idle_ms: number, ends_ms: number}} */
let over = { idle_ms: Number.POSITIVE_INFINITY, ends_ms: Number.POSITIVE_INFINITY };
/** @type {HTMLDialogElement | null} */
let warning = null;
let asked_ms = 0;

/** Watch when the session ends, from now on. */
export function watchSession() {
  signals.addEventListener("session", (event) => note(/** @type {CustomEvent} */ (event).detail));
  setInterval(look, TICK_MS);
}

/** @returns {boolean} whether the person is being warned: then everything that shows a person counts at once */
export function isWarning() {
  return warning !== null;
}

function note({ idle_at: idle, ends_at: ends }) {
  over = { idle_ms: idle ? parseInstant(idle) : Number.POSITIVE_INFINITY, ends_ms: ends ? parseInstant(ends) : Number.POSITIVE_INFINITY };
  if (left_ms() > WARN_MS) closeWarning();
}

function left_ms() {
  return Math.min(over.idle_ms, over.ends_ms) - serverNow_ms();
}

async function look() {
  const left = left_ms();
  if (left > WARN_MS) return;
  if (warning) {
    count(left);
    if (left > 0) return;
  }
  // Another tab, or the live picture, may have put the end off; at the end itself the answer says that it is over.
  if (Date.now() - asked_ms < WARN_MS / 10) return;
  asked_ms = Date.now();
  try {
    await askMe(true);
  } catch (error) {
    console.info("no answer about the session", error);
  }
  if (!warning && left_ms() > 0 && left_ms() <= WARN_MS) warn();
}

function count(left) {
  const seconds = Math.max(0, Math.ceil(left / SECOND_MS));
  warning.querySelector(".countdown").textContent = tn(seconds, "{count} second left", "{count} seconds left");
}

function warn() {
  const isShift = over.ends_ms <= over.idle_ms;
  const stay = textButton(t("Stay signed in"), "primary", () => askMe(false).catch((error) => console.info("no answer", error)));
  warning = /** @type {HTMLDialogElement} */ (element("dialog", { class: "session-warning", "aria-label": t("You will be signed out") },
    element("div", { class: "dialog-body", role: "alert" }, element("h2", {}, t("You will be signed out")),
      element("p", {}, isShift ? t("The session reaches its longest time. Finish what you are doing and sign in again.") : t("Nobody has done anything here for a while.")),
      element("p", { class: "countdown", "aria-live": "off" })),
    element("div", { class: "dialog-foot" }, element("div", { class: "dialog-buttons" }, isShift ? textButton(t("Close"), "", () => warning?.close()) : stay))));
  warning.addEventListener("cancel", (event) => !isShift && event.preventDefault());
  count(left_ms());
  document.body.append(warning);
  warning.showModal();
  sound();
}

function closeWarning() {
  warning?.remove();
  warning = null;
}

/** Three short tones: who looks away from the screen must hear it. Browsers that allow no sound before a click stay silent. */
function sound() {
  const audio = new AudioContext();
  for (let i = 0; i < TONES; i += 1) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    volume.gain.value = 0.2;
    tone.frequency.value = TONE_HZ;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + 2 * i * TONE_S);
    tone.stop(audio.currentTime + (2 * i + 1) * TONE_S);
    if (i === TONES - 1) tone.onended = () => audio.close();
  }
}

/**
 * Hide the page and let the same person sign in over it.
 * @param {{username: string, display_name: string}} user
 * @returns {Promise<any>} what signing in answered, or null when the person leaves the page
 */
export function askPassword(user) {
  closeWarning();
  return new Promise((resolve) => {
    const wrong = element("p", { class: "form-error", role: "alert", hidden: true });
    const password = /** @type {HTMLInputElement} */ (element("input", { type: "password", name: "password", autocomplete: "current-password" }));
    const send = /** @type {HTMLButtonElement} */ (element("button", { type: "submit", class: "primary" }, t("Sign in")));
    const leave = textButton(t("Leave without it"), "", () => {
      leaveToSignIn("ended");
      resolve(null);
    });
    const form = element("form", { noValidate: true },
      element("div", { class: "dialog-head" }, element("h2", {}, t("Your session has ended. Sign in to go on.")),
        element("p", { class: "muted" }, t("What you filled in is kept until you have signed in again, {name}.", { name: user.display_name }))),
      element("label", {}, t("Password"), password),
      element("div", { class: "dialog-foot" }, wrong, element("div", { class: "dialog-buttons" }, leave, send)));
    const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { class: "session-over", "aria-label": t("Sign in") }, form));
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        const answer = await request("POST", "/api/sign-in", { username: user.username, password: password.value }, { stay: true });
        if (answer.must_choose_password) location.assign("/password");
        dialog.remove();
        resolve(answer);
      } catch (reason) {
        wrong.textContent = reason.message;
        wrong.hidden = false;
        password.value = "";
        password.focus();
      } finally {
        send.disabled = false;
      }
    });
    document.body.append(dialog);
    dialog.showModal();
    password.focus();
  });
}
