/** What every page has: clock, language, signing out, the banner when the server is away, and signs of life of a person. */

import { askMe, clockDifference_ms, me, request, serverNow_ms, signals, signOut } from "./api.js";
import { formatClock, formatLong, formatUtc, SECOND_MS, zoneOffset } from "./civil-time.js";
import { showDialog } from "./dialog.js";
import { element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { noticeError } from "./notices.js";
import { isWarning, watchSession } from "./session-dialog.js";

const CLOCK_MS = 250;
const CLOCK_CHECK_MS = 60_000;
const SIGN_OF_LIFE_MS = 60_000;
const NEAR_ENOUGH_MS = 1000;

/** @type {[string, string][]} key, meaning */
const keys = [];

/**
 * Add keys to the help of this page.
 * @param {[string, string][]} rows key names separated by spaces, and what they do
 */
export function explainKeys(rows) {
  keys.push(...rows);
}

/** @param {KeyboardEvent} event @returns {boolean} whether the key belongs to a field or a dialog, not to the page */
export function keyIsTaken(event) {
  const target = event.target;
  return event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || Boolean(document.querySelector("dialog[open]"))
    || (target instanceof HTMLElement && (target.matches("input, select, textarea") || target.isContentEditable));
}

/** @param {HTMLElement} place element with data-allowed @returns {Set<string>} actions of the policy matrix */
export function allowedActions(place) {
  return new Set((place.dataset.allowed || "").split(" "));
}

function showKeys() {
  const rows = [...keys, ["?", t("This list")]].flatMap(([names, meaning]) => [
    element("dt", {}, ...names.split(" ").flatMap((name, index) => (index ? [" ", element("kbd", {}, name)] : [element("kbd", {}, name)]))),
    element("dd", {}, meaning),
  ]);
  showDialog(t("Keys of this page"), element("dl", { class: "key-list" }, ...rows));
}

function showClock() {
  const now_ms = serverNow_ms();
  const difference_ms = clockDifference_ms();
  const amount = formatNumber(Math.abs(difference_ms) / SECOND_MS, 1);
  let comparison = t("The clock of this computer agrees with it.");
  if (difference_ms > NEAR_ENOUGH_MS) comparison = t("The clock of this computer is {amount} s behind.", { amount });
  if (difference_ms < -NEAR_ENOUGH_MS) comparison = t("The clock of this computer is {amount} s ahead.", { amount });
  showDialog(
    t("Time of the server"),
    element("p", {}, `${formatLong(now_ms)} (${t("time of Utrecht, {offset}", { offset: zoneOffset(now_ms) })})`),
    element("p", { class: "mono" }, formatUtc(now_ms)),
    element("p", { class: "muted" }, t("All pages show the time of Utrecht. Recordings, exports and the log are kept in UTC, so that the change to summer time leaves no gap and no double hour."), " ", comparison),
  );
}

async function endSession() {
  try {
    await signOut();
  } catch (error) {
    noticeError(error);
  }
}

async function chooseLanguage(language) {
  try {
    await request("PUT", "/api/me/language", { language });
    const address = new URL(location.href);
    address.searchParams.delete("language");
    location.assign(address);
  } catch (error) {
    noticeError(error);
  }
}

function watchNetwork() {
  const banner = document.getElementById("network");
  signals.addEventListener("network", (event) => {
    const { online } = /** @type {CustomEvent} */ (event).detail;
    banner.hidden = online;
    banner.textContent = online ? "" : t("The server can't be reached. What you see may be old; the page tries again by itself.");
  });
}

function sayWhenSomebodyWorks() {
  let said_ms = Date.now();
  const say = async () => {
    if (Date.now() - said_ms < (isWarning() ? SECOND_MS : SIGN_OF_LIFE_MS)) return;
    said_ms = Date.now();
    try {
      await askMe(false);
    } catch (error) {
      console.info("no answer to the sign of life", error);
    }
  };
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"]) addEventListener(kind, say, { passive: true });
}

function start() {
  const clock = document.querySelector("#clock time");
  const tick = () => {
    clock.textContent = formatClock(serverNow_ms());
  };
  watchSession();
  me().then(() => {
    tick();
    setInterval(tick, CLOCK_MS);
  }, noticeError);
  setInterval(() => askMe(true).catch((error) => console.info("no answer", error)), CLOCK_CHECK_MS);
  document.getElementById("clock").addEventListener("click", showClock);
  document.getElementById("keys").addEventListener("click", showKeys);
  // A page that the browser kept aside shows what it showed before the session ended.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  document.getElementById("sign-out").addEventListener("click", endSession);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => chooseLanguage(/** @type {HTMLElement} */ (button).dataset.language));
  }
  addEventListener("keydown", (event) => {
    if (event.key === "?" && !keyIsTaken(event)) showKeys();
  });
  watchNetwork();
  sayWhenSomebodyWorks();
}

if (document.getElementById("clock")) start();
