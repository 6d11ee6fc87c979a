/** Why a picture is grey, a recording has a gap or a camera is away: codes of the workers, in words. */

import { t } from "./i18n.js";

/** @type {Record<string, () => string>} */
const GREY = {
  "plan-missing": () => t("no approved blanking plan"),
  "plan-mismatch": () => t("the blanking plan is for another camera setting"),
  "size-mismatch": () => t("the picture has another size than the blanking plan"),
  "pixel-format": () => t("the picture has a form that can't be blanked"),
  "lost-picture": () => t("part of the picture was lost on the way"),
  "pose-missing": () => t("the camera's position is not known"),
  "pose-stale": () => t("the camera's position is too old"),
  "pose-late": () => t("the camera's position comes too late"),
  "pose-uncertain": () => t("the camera's position is too uncertain"),
  "bad-sample": () => t("the camera gave an impossible position"),
  "over-speed": () => t("the camera turned faster than the plan allows"),
  "over-acceleration": () => t("the camera turned more abruptly than the plan allows"),
  contradiction: () => t("the camera's positions contradict each other"),
  "clock-unsynchronised": () => t("the clocks of picture and position differ"),
  "camera-busy": () => t("the camera is finding its position or being calibrated"),
  "calibration-drift": () => t("the camera is too far off its plan: it must be calibrated again"),
  "camera-moved": () => t("the fixed camera was moved: two persons must look, or draw its plan again"),
  "camera-not-recognised": () => t("the fixed camera shows another view than its plan"),
  "register-mismatch": () => t("the blanking plan was made for another kind of position numbers: draw a new version for this one"),
  "e-flip": () => t("the camera looks past straight down or up, where its picture may be turned around"),
  "queue-overflow": () => t("too many pictures were waiting"),
  "self-test": () => t("the self-test found a picture that was not blanked well: withheld until it has been looked at"),
  "masks-cover-all": () => t("the masks cover the whole picture"),
  error: () => t("the blanking stopped with an error"),
};

/** @type {Record<string, () => string>} */
const GAP = {
  "camera-unreachable": () => t("camera not reachable"),
  "camera-refused": () => t("camera refused the connection"),
  "camera-stalled": () => t("camera sent no more pictures"),
  "camera-restarted": () => t("camera restarted"),
  "worker-stopped": () => t("recording stopped"),
  "worker-crashed": () => t("recorder failed and restarted"),
  "worker-stalled": () => t("recorder hung and was restarted"),
  "storage-full": () => t("storage full"),
  "database-away": () => t("database not reachable"),
  "camera.unreachable": () => t("camera not reachable"),
  "camera.connection-lost": () => t("camera closed the connection"),
  "camera.wrong-password": () => t("camera refused the password"),
  "camera.basic-refused": () => t("camera wants its password in the clear"),
  "camera.refused": () => t("camera refused the connection"),
  "camera.stream-not-found": () => t("camera does not know this stream"),
  "camera.stalled": () => t("camera sent no more pictures"),
  "camera.unusable": () => t("camera sent something that is no video"),
  "placement-ended": () => t("placement has ended"),
  "designation-ended": () => t("the mayor's designation has ended: nothing may be recorded"),
  "designation-withdrawn": () => t("the mayor's designation was withdrawn: nothing may be recorded"),
  "designation-not-begun": () => t("the mayor's designation has not begun yet"),
  "placement-not-begun": () => t("the camera's time here has not begun yet"),
  "no-decision": () => t("no designation by the mayor was in force: nothing may be recorded"),
  "worker-away": () => t("recorder not reachable"),
  fenced: () => t("another recorder took over"),
  overload: () => t("recorder overloaded"),
  "clock-step": () => t("the recorder's clock was set"),
};

/** Why a moving camera does not say where it looks, and what a technician does about it. @type {Record<string, () => string>} */
const ONVIF = {
  "camera.onvif": () => t("Something else than an ONVIF service answers at its ONVIF address: correct the address."),
  "camera.onvif-url": () => t("Its ONVIF address is none: correct it in the register."),
  "camera.no-onvif": () => t("It has no ONVIF address: enter one in the register."),
  "camera.onvif-nonsense": () => t("Its ONVIF service answers what can't be read: update its firmware, or set its language or encoding to UTF-8."),
  "camera.onvif-fault": () => t("Its ONVIF service refuses a question: look at the rights of its account, and at its firmware."),
  "camera.onvif-service": () => t("It lacks an ONVIF service that is needed: switch that on, or update its firmware."),
  "camera.wrong-password": () => t("Its ONVIF service refuses the account: many cameras have ONVIF accounts of their own. Is its clock right?"),
  "camera.basic-refused": () => t("It wants its password in the clear: switch it to Digest, use an https address, or allow it in the register."),
  "camera.refused": () => t("It offers no way to sign in that we know: switch it to Digest."),
  "camera.unreachable": () => t("Its ONVIF service does not answer in time: check address, port and network."),
  "camera.profile": () => t("It has no profile with video: make one on the camera."),
  "camera.no-ptz": () => t("Its profile has no PTZ: add a PTZ configuration on the camera."),
  "camera.position-unanswered": () => t("It answers, but not where it looks: look at the rights of its account, and at its firmware."),
  "ptz.position-unknown": () => t("It does not say where it looks, so no mask can follow it: another camera is needed."),
  "ptz.zoom-unknown": () => t("It does not say its zoom, so no mask can be sized: use a fixed lens, or another camera."),
  "ptz.range": () => t("It gives an empty range for its positions: update its firmware."),
};

/** @param {string} code */
export function onvifProblem(code) {
  return ONVIF[code]?.() ?? t("cause: {code}", { code });
}

/**
 * @param {string} code
 * @param {string} said what is known about the problem: what the camera sent, or our own sentence, which the code says too
 * @returns {string | null} what the camera sent, where it sent something
 */
export function whatCame(code, said) {
  if (code === "camera.onvif-fault") return said;
  const [, status, kind, words] = /^(HTTP \d+), ([^,]*)(?:, (.*))?$/s.exec(said) ?? [];
  if (!status) return null;
  const shownKind = kind === "nowhere" ? t("without an address") : kind === "no content type" ? t("no content type") : kind;
  return [status, shownKind, words === "empty" ? t("empty") : words].filter((part) => part !== undefined).join(", ");
}

/** @param {string} code */
export function greyReason(code) {
  return GREY[code]?.() ?? (code ? t("reason: {code}", { code }) : t("reason not known"));
}

/** @param {string} code */
export function gapCause(code) {
  return GAP[code]?.() ?? (code ? t("cause: {code}", { code }) : t("cause not known"));
}

/** @param {string | null | undefined} recording what the worker says of its recording @returns {string} empty while it records */
export function notRecorded(recording) {
  if (recording === "full") return t("The storage is full: nothing is recorded. Call the technician.");
  return recording === "off" ? t("Nothing is recorded: no approved blanking plan.") : "";
}
