/** The way to the server: session token, errors in words, the server's clock, and whether it can be reached. */

import { parseInstant } from "./civil-time.js";
import { t } from "./i18n.js";

const REQUEST_TIMEOUT_MS = 15_000;
const CSRF_HEADER = "X-VMS-CSRF";
const BACKGROUND_HEADER = "X-VMS-Background";

/** What the server refused, in words that the reader can act on. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 when the server was not reached
   * @param {string} code
   * @param {string} message
   * @param {Record<string, any>} details
   */
  constructor(status, code, message, details) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/**
 * @typedef {{user: {id: string, username: string, display_name: string, language: string, roles: string[]},
 *   allowed: string[], csrf: string, server_time: string, session: {idle_at: string | null, ends_at: string | null}}} Me
 */

/** Fires `network` with `{online}` whenever reaching the server succeeds or fails, and `session` with `{idle_at, ends_at}` when that is known anew. */
export const signals = new EventTarget();

let csrf = "";
let serverAhead_ms = 0;
let shortestRound_ms = Number.POSITIVE_INFINITY;
/** @type {Promise<Me> | null} */
let known = null;

/** @returns {number} the server's wall clock */
export function serverNow_ms() {
  return Date.now() + serverAhead_ms;
}

/** @returns {number} how far the server is ahead of this computer */
export function clockDifference_ms() {
  return serverAhead_ms;
}

/** @returns {Promise<Me>} who is signed in; asked once per page */
export function me() {
  known ||= askMe(false);
  return known;
}

/**
 * Ask again, for the clock and to say that somebody is at work.
 * @param {boolean} background true when nobody touched anything
 */
export async function askMe(background) {
  const sent_ms = Date.now();
  const answer = await request("GET", "/api/me", undefined, { background });
  const round_ms = Date.now() - sent_ms;
  csrf = answer.csrf;
  // The round trip bounds the error: keep the estimate of the quickest answer, and let it grow old slowly.
  shortestRound_ms *= 1.5;
  if (round_ms <= shortestRound_ms) {
    shortestRound_ms = Math.max(round_ms, 1);
    serverAhead_ms = parseInstant(answer.server_time) + round_ms / 2 - Date.now();
  }
  signals.dispatchEvent(new CustomEvent("session", { detail: answer.session }));
  return answer;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {any} [body] sent as JSON
 * @param {{background?: boolean, keepalive?: boolean, signal?: AbortSignal, stay?: boolean}} [options]
 *   background: not a person's act; stay: leave a 401 to the caller
 * @returns {Promise<any>}
 */
export async function request(method, path, body, options = {}) {
  if (method !== "GET" && !csrf && path !== "/api/sign-in") await me();
  const what = `${method} ${path.split("?")[0]}`;
  const earlier = options.background ? refused.get(what) : undefined;
  if (earlier) throw earlier;
  const response = await reach(method, path, body, options);
  refused.delete(what);
  if (response.ok) return response.status === 204 ? null : response.json();
  const error = await readError(response);
  if (response.status === 403 && options.background) refused.set(what, error);
  if (error.code === "password.first") leaveTo("/password");
  // Who waits for a poll is nobody; who waits for what was filled in goes on after signing in again.
  if (response.status === 401 && !options.stay && (await sessionOver()) && !options.background) return request(method, path, body, options);
  throw error;
}

/** What was refused to a poll, which would be refused again, and be in the log each time: only a person asks for it again. @type {Map<string, ApiError>} */
const refused = new Map();
/** @type {Set<() => boolean>} */
const unsaved = new Set();
/** @type {Promise<boolean> | null} */
let again = null;

/** The page holds work that nothing has stored yet while this says so: it outlives a new sign-in. @param {() => boolean} isUnsaved */
export function keepWhile(isUnsaved) {
  unsaved.add(isUnsaved);
}

/** The session is over: leave for the sign-in page, or, with work that is not stored, sign in over this page. @returns {Promise<boolean>} whether it goes on */
export async function sessionOver() {
  if (isLeaving) return false;
  if (!document.querySelector("dialog[open] form") && ![...unsaved].some((isUnsaved) => isUnsaved())) {
    leaveToSignIn("ended");
    return false;
  }
  again ||= signInAgain().finally(() => {
    again = null;
  });
  return again;
}

async function signInAgain() {
  const [{ user }, { askPassword }] = await Promise.all([me(), import("./session-dialog.js")]);
  const answer = await askPassword(user);
  if (!answer) return false;
  csrf = answer.csrf;
  known = Promise.resolve(answer);
  signals.dispatchEvent(new CustomEvent("session", { detail: answer.session }));
  return true;
}

let isLeaving = false;

/** Sign out and leave; what is refused meanwhile is no surprise, and must not lead elsewhere. */
export async function signOut() {
  isLeaving = true;
  try {
    await request("POST", "/api/sign-out", {});
  } catch (error) {
    isLeaving = false;
    if (error instanceof ApiError && error.status === 401) leaveToSignIn("ended");
    throw error;
  }
  isLeaving = false;
  leaveToSignIn("out");
}

/** The first one leads: sockets and polls all learn at once that a session is over. @param {"ended" | "out"} reason */
export function leaveToSignIn(reason) {
  leaveTo(`/sign-in?reason=${reason}`, reason !== "out");
}

/** @param {string} address @param {boolean} [returns] whether the person comes back here from there */
function leaveTo(address, returns = true) {
  if (isLeaving) return;
  isLeaving = true;
  const next = `next=${encodeURIComponent(location.pathname + location.search)}`;
  location.assign(returns ? `${address}${address.includes("?") ? "&" : "?"}${next}` : address);
}

async function reach(method, path, body, options) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers[CSRF_HEADER] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (options.background) headers[BACKGROUND_HEADER] = "1";
  const limits = [AbortSignal.timeout(REQUEST_TIMEOUT_MS)];
  if (options.signal) limits.push(options.signal);
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      keepalive: options.keepalive,
      signal: AbortSignal.any(limits),
      credentials: "same-origin",
    });
    announce(true);
    return response;
  } catch (reason) {
    if (options.signal?.aborted) throw reason;
    announce(false);
    throw new ApiError(0, "network", t("The server can't be reached. Check the network; the page goes on by itself."), {});
  }
}

/** @param {Response} response */
async function readError(response) {
  const text = await response.text();
  try {
    const { code, message, details } = JSON.parse(text).error;
    return new ApiError(response.status, code, message, details || {});
  } catch {
    // A proxy or a crash answers without our form: the status is all there is to say.
    return new ApiError(response.status, "internal", t("The server answered with an error ({status}). Try again, or call the technician.", { status: response.status }), {});
  }
}

/** @param {boolean} online */
export function announce(online) {
  signals.dispatchEvent(new CustomEvent("network", { detail: { online } }));
}
