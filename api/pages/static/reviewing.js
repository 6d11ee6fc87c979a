/** What reviews of views and of sign-ins have in common: their state, the judgement of an entry, the signature. */

import { request } from "./api.js";
import { formatStamp, parseInstant } from "./civil-time.js";
import { chip } from "./data-table.js";
import { askForm, FieldError, labelled } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { formatNumber, t, tn } from "./i18n.js";
import { notice, noticeError } from "./notices.js";

/**
 * The reviews of one kind on the page.
 * @typedef {{path: string, place: HTMLElement, show: (review: any) => void, refresh: () => Promise<void>, question: () => string, missing: () => string}} Reviews
 *   path: address of the reviews; place: where one is shown; question: asks what is wrong; missing: says that it must be filled in
 */

/** @param {string | null} at */
export function stamp(at) {
  return at ? formatStamp(parseInstant(at)) : "–";
}

/** @param {any} review */
export function stateOf(review) {
  if (review.signed_at) return chip("ok", t("Signed {time}", { time: stamp(review.signed_at) }));
  return chip("warn", t("Unfinished: {judged} of {drawn} judged", { judged: review.judged, drawn: review.drawn }));
}

/** The last cells of a review's row: how much was drawn, findings, the button. @param {Reviews} reviews @param {any} review */
export function lastCells(reviews, review) {
  return [
    { class: "number", content: [t("{drawn} of {population}", { drawn: formatNumber(review.drawn), population: formatNumber(review.population) })] },
    { class: "number", content: [formatNumber(review.findings)] },
    { class: "acts", content: [textButton(review.signed_at ? t("Show") : t("Open"), "small", () => openReview(reviews, review.id))] },
  ];
}

/** What comes below a review: its remark, or the button to sign. @param {Reviews} reviews @param {any} review @returns {Node[]} */
export function footOf(reviews, review) {
  const found = [];
  if (review.remark) found.push(element("p", {}, t("Remark at signing: {remark}", { remark: review.remark })));
  if (review.is_mine && !review.signed_at) found.push(element("div", { class: "review-foot" }, textButton(t("Sign off"), "primary", () => askSignature(reviews, review))));
  return found;
}

/** @param {any} item */
export function verdictOf({ verdict, remark }) {
  if (!verdict) return chip("quiet", t("Not judged"));
  const shown = verdict === "finding" ? chip("bad", t("Finding")) : chip("ok", t("In order"));
  return element("div", {}, shown, remark ? element("span", { class: "muted small line" }, remark) : null);
}

/** @param {Reviews} reviews @param {any} review @param {any} item @returns {Node[]} the judgement, and buttons to give it */
export function judging(reviews, review, item) {
  const good = textButton(t("In order"), "small", () => judge(reviews, review, item, { verdict: "in-order" }).catch(noticeError));
  const bad = textButton(t("Finding"), "small", () => askFinding(reviews, review, item));
  good.setAttribute("aria-pressed", String(item.verdict === "in-order"));
  bad.setAttribute("aria-pressed", String(item.verdict === "finding"));
  return [verdictOf(item), element("div", { class: "judgement-buttons" }, good, bad)];
}

/** @param {Reviews} reviews @param {string} id */
export async function openReview(reviews, id) {
  try {
    reviews.show(await request("GET", `${reviews.path}/${id}`));
    reviews.place.scrollIntoView({ block: "start" });
  } catch (error) {
    noticeError(error);
  }
}

/** @param {Reviews} reviews @param {any} review */
export async function askSignature(reviews, review) {
  const signed = await askForm({
    title: t("Sign off this review"), lead: tn(review.findings, "With {count} finding. After this nothing of it can be changed.", "With {count} findings. After this nothing of it can be changed."),
    fields: [labelled(t("Remark (may stay empty)"), element("textarea", { name: "remark", rows: 3, maxLength: 2000 }))], submitText: t("Sign off"),
    submit: (data) => request("POST", `${reviews.path}/${review.id}/sign`, { remark: String(data.get("remark")).trim() || null }),
  });
  if (!signed) return;
  notice(t("The review is signed."));
  reviews.show({ ...review, ...signed });
  await reviews.refresh();
}

/** Throws what the server refused: a dialog stays open on it, with what was typed. */
async function judge(reviews, review, item, body) {
  Object.assign(review, await request("POST", `${reviews.path}/${review.id}/entries/${item.seq}`, body));
  Object.assign(item, { remark: null, ...body });
  reviews.show(review);
  reviews.place.querySelector(`tr[data-id="${item.seq}"] button`)?.focus();
  await reviews.refresh();
}

function askFinding(reviews, review, item) {
  const remark = element("textarea", { name: "remark", rows: 3, maxLength: 2000 });
  remark.value = item.remark ?? "";
  return askForm({
    title: reviews.question(), fields: [labelled(t("Finding"), remark)], submitText: t("Note the finding"),
    submit: async (data, form) => {
      const text = String(data.get("remark")).trim();
      if (!text) throw new FieldError(form, "remark", reviews.missing());
      await judge(reviews, review, item, { verdict: "finding", remark: text });
    },
  });
}
