/** What a drawing begins with: a version, an empty frame for a fixed camera, measured optics, or a plan from a file. */

import { request } from "./api.js";
import { FieldError, labelled, select } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { t } from "./i18n.js";

const USUAL_SIZES = ["1920x1080", "1280x720", "2560x1440", "3840x2160", "2592x1944", "1280x960", "640x480"];

/**
 * @typedef {{document: any, origins: Record<string, any>, isResized?: boolean}} Begin
 * @param {{camera: any, path: string, versions: any[]}} given
 * @param {number | null} version to begin with
 * @returns {Promise<Begin | null>} null where the person must give a size or optics first
 */
export async function beginWith({ camera, path, versions }, version) {
  const isFixed = camera.camera.kind === "fixed";
  const found = version ? await request("GET", `${path}/${version}`) : null;
  if (found?.document) return isFixed ? inPresentSize(found, camera.frame) : found;
  if (!isFixed) return camera.calibration ? { document: camera.calibration.template, origins: {} } : null;
  const frame = camera.frame ?? (await frameOf(path, versions));
  return frame && { document: emptyPlan(frame), origins: {} };
}

/** A picture of another size than the plan's is grey: the masks go on in the size that the camera sends now. */
function inPresentSize(found, frame) {
  const { width, height } = found.document.frame;
  if (!frame || (frame.width === width && frame.height === height)) return found;
  return { ...found, document: { ...found.document, frame }, isResized: true };
}

async function frameOf(path, versions) {
  const drawn = versions.find(({ no_dwelling_in_sight: isClear }) => !isClear);
  return drawn ? (await request("GET", `${path}/${drawn.version}`)).document.frame : null;
}

function emptyPlan(frame) {
  return { frame, kind: "image", masks: [] };
}

/**
 * Ask for what nothing knows yet.
 * @param {HTMLElement} place @param {any} camera @param {(begin: Begin) => void} start
 */
export function askBegin(place, camera, start) {
  const parts = camera.camera.kind === "fixed" ? sizeParts(start) : opticsParts(camera, start);
  place.replaceChildren(element("div", { class: "page narrow" }, element("h1", {}, camera.name), ...parts));
}

function sizeParts(start) {
  const form = /** @type {HTMLFormElement} */ (element("form", { class: "begin-form", noValidate: true },
    labelled(t("Size of the camera's picture"), select("size", [...USUAL_SIZES.map((value) => ({ value, text: value.replace("x", " × ") })), { value: "", text: t("Another size") }]),
      t("The camera has sent no picture yet. If it turns out to have another size, everything stays grey until the plan is drawn again.")),
    labelled(t("Another size (width × height)"), element("input", { name: "other", autocomplete: "off", placeholder: "1920 × 1080" })),
    element("p", { class: "form-error", role: "alert", hidden: true }),
    element("button", { type: "submit", class: "primary" }, t("Draw"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = /** @type {HTMLElement} */ (form.querySelector(".form-error"));
    try {
      start({ document: emptyPlan(readSize(form)), origins: {} });
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
    }
  });
  return [form];
}

function readSize(form) {
  const data = new FormData(form);
  const size = String(data.get("size") || data.get("other")).match(/^\s*(\d{2,5})\s*[x×X*]\s*(\d{2,5})\s*$/);
  if (!size) throw new FieldError(form, "other", t("Fill in width and height in pixels, for example {example}.", { example: "1920 × 1080" }));
  return { width: Number(size[1]), height: Number(size[2]) };
}

function opticsParts(camera, start) {
  const wrong = element("p", { class: "form-error", role: "alert", hidden: true });
  const file = /** @type {HTMLInputElement} */ (element("input", { type: "file", accept: ".json,application/json", hidden: true }));
  file.addEventListener("change", async () => {
    try {
      const document = JSON.parse(await file.files[0].text());
      if (document?.kind !== "directions" || !document.camera_model || !document.frame) throw new SyntaxError();
      start({ document: { ...document, masks: document.masks ?? [] }, origins: {} });
    } catch (error) {
      wrong.textContent = error instanceof SyntaxError ? t("This file is no plan of a moving camera (PLAN.json).") : error.message;
      wrong.hidden = false;
    } finally {
      file.value = "";
    }
  });
  return [
    element("p", {}, t("This camera has no measured optics yet, and without them no mask can follow it. Calibrate it, or take the optics from a plan that you have as a file.")),
    element("div", { class: "acts" }, element("a", { class: "button primary", href: `/calibration?camera=${encodeURIComponent(camera.id)}` }, t("To the calibration")),
      textButton(t("Plan from a file"), "", () => file.click()), file), wrong,
  ];
}
