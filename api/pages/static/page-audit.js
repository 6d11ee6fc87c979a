/** The auditor's reviews of views: a sample by a seed, a judgement of each view, a signature; and the audit bundle. */

import { request, serverNow_ms } from "./api.js";
import { purposeName } from "./choices.js";
import { DAY_MS, fromField, isoInstant, startOfDay, toField } from "./civil-time.js";
import { row, table } from "./data-table.js";
import { askForm, FieldError, labelled, timeField } from "./dialog.js";
import { element } from "./dom.js";
import { formatNumber, listed, t } from "./i18n.js";
import { roleName } from "./log-words.js";
import { noticeError } from "./notices.js";
import { footOf, judging, lastCells, openReview, stamp, stateOf, verdictOf } from "./reviewing.js";
import "./shell.js";

const USUAL_SAMPLE = 25;
const MOST_SAMPLE = 200;

const list = document.getElementById("list");
const bundle = /** @type {HTMLFormElement} */ (document.getElementById("bundle"));

/** @type {import("./reviewing.js").Reviews} */
const REVIEWS = {
  path: "/api/reviews",
  place: document.getElementById("review"),
  show: showReview,
  refresh: showList,
  question: () => t("What is wrong with this view?"),
  missing: () => t("Say what is wrong with this view."),
};

async function showList() {
  try {
    const reviews = await request("GET", "/api/reviews");
    const columns = [{ title: t("Drawn") }, { title: t("State") }, { title: t("Period") }, { title: t("Seed") }, { title: t("Sample"), class: "number" }, { title: t("Findings"), class: "number" }, { title: t("Acts") }];
    list.replaceChildren(table(t("All reviews"), columns, reviews.map(reviewRow), t("No sample has been drawn yet.")));
  } catch (error) {
    list.replaceChildren(element("p", { class: "empty" }, error.message));
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

function reviewRow(review) {
  return row([
    { class: "nowrap", content: [stamp(review.drawn_at), element("span", { class: "muted small line" }, review.by)] },
    { content: [stateOf(review)] },
    { class: "nowrap", content: [`${stamp(review.from)} –`, element("span", { class: "line" }, stamp(review.to))] },
    { content: [element("code", { class: "mono" }, review.seed)] },
    ...lastCells(REVIEWS, review),
  ], { dataset: { id: review.id } });
}

function showReview(review) {
  const columns = [{ title: t("When") }, { title: t("Who") }, { title: t("Act") }, { title: t("Camera") }, { title: t("Purpose") }, { title: t("Judgement") }];
  const mayJudge = review.is_mine && !review.signed_at;
  const head = element("div", { class: "review-head" },
    element("h2", {}, t("Sample of {count} views, seed {seed}", { count: formatNumber(review.drawn), seed: review.seed })), stateOf(review));
  REVIEWS.place.replaceChildren(head,
    element("p", { class: "muted small" }, t("Drawn again offline, from a bundle of exactly {from} to {to}: {command}", { from: stamp(review.from), to: stamp(review.to), command: ["vms-audit", "access", "…", "--seed", review.seed, "--sample", review.sample].join(" ") })),
    table(t("Sample"), columns, review.items.map((item) => itemRow(review, item, mayJudge)), ""), ...footOf(REVIEWS, review));
  REVIEWS.place.hidden = false;
}

function itemRow(review, item, mayJudge) {
  const about = item.object;
  const span = about.from && about.to ? `${stamp(about.from)} – ${stamp(about.to)}` : "";
  const origin = [item.origin.ws, item.origin.ip].filter(Boolean).join(" · ");
  return row([
    { class: "nowrap", content: [stamp(item.at), element("span", { class: "muted small line mono" }, `#${item.seq}`)] },
    { content: [element("strong", {}, item.actor.name), element("span", { class: "muted small line" }, [roleName(item.actor.role), origin].filter(Boolean).join(" · "))] },
    { content: [item.act_text] },
    { content: [listed(item.cameras) || "–", element("span", { class: "muted small line" }, span)] },
    { content: purposeOf(item) },
    { class: "judgement", content: mayJudge ? judging(REVIEWS, review, item) : [verdictOf(item)] },
  ], { dataset: { id: String(item.seq) } });
}

function purposeOf({ purpose, recipient }) {
  const name = purpose && purposeName(purpose.code);
  const lines = [purpose?.case, purpose?.text, recipient && t("for {recipient}", { recipient })].filter(Boolean);
  return [name ?? "–", ...lines.map((line) => element("span", { class: "muted small line" }, line))];
}

async function askDraw() {
  const end_ms = startOfDay(serverNow_ms());
  const made = await askForm({
    title: t("Draw a sample"), lead: t("Of the views, hand-overs and openings of recordings in a period that is over. The same seed draws the same, here and with vms-audit."),
    fields: [
      labelled(t("From"), timeField("from", toField(end_ms - 30 * DAY_MS), "time")),
      labelled(t("To"), timeField("to", toField(end_ms), "time")),
      labelled(t("Seed"), element("input", { name: "seed", autocomplete: "off", spellcheck: false, maxLength: 64 }), t("Throw dice: nobody may be able to foresee it. Letters and figures.")),
      labelled(t("How many"), element("input", { name: "sample", value: String(USUAL_SAMPLE), inputMode: "numeric" }), t("At most {count}", { count: MOST_SAMPLE })),
    ],
    submitText: t("Draw it"),
    submit: (data, form) => {
      const [from, to] = span(form, data);
      const seed = String(data.get("seed")).trim();
      const sample = Number(data.get("sample"));
      if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(seed)) throw new FieldError(form, "seed", t("Throw dice and fill in the seed: letters and figures."));
      if (!Number.isInteger(sample) || sample < 1 || sample > MOST_SAMPLE) throw new FieldError(form, "sample", t("Draw between 1 and {count}.", { count: MOST_SAMPLE }));
      return request("POST", "/api/reviews", { from, to, seed, sample });
    },
  });
  if (!made) return;
  await showList();
  await openReview(REVIEWS, made.id);
}

/** @param {HTMLFormElement} form @param {FormData} data @returns {[string, string]} */
function span(form, data) {
  const found = ["from", "to"].map((name) => {
    const at_ms = fromField(String(data.get(name) || ""), serverNow_ms());
    if (Number.isNaN(at_ms)) throw new FieldError(form, name, t("Fill in a day and a time: {example}", { example: toField(serverNow_ms()) }));
    return at_ms;
  });
  if (found[1] <= found[0]) throw new FieldError(form, "to", t("The end must be after the start. Correct the times."));
  return [isoInstant(found[0]), isoInstant(found[1])];
}

async function showBundle() {
  const begin_ms = startOfDay(serverNow_ms()) - 30 * DAY_MS;
  /** @type {HTMLInputElement} */ (bundle.elements.namedItem("from")).value = toField(begin_ms);
  /** @type {HTMLInputElement} */ (bundle.elements.namedItem("to")).value = toField(serverNow_ms());
  try {
    const { vkey } = await request("GET", "/api/audit/key");
    document.getElementById("vkey").textContent = vkey;
  } catch (error) {
    noticeError(error);
  }
}

bundle.addEventListener("submit", (event) => {
  event.preventDefault();
  const wrong = /** @type {HTMLElement} */ (bundle.querySelector(".form-error"));
  wrong.hidden = true;
  try {
    const [from, to] = span(bundle, new FormData(bundle));
    const link = /** @type {HTMLAnchorElement} */ (element("a", { href: `/api/audit/bundle?${new URLSearchParams({ from, to })}`, download: "" }));
    document.body.append(link);
    link.click();
    link.remove();
  } catch (error) {
    wrong.textContent = error.message;
    wrong.hidden = false;
  }
});

document.getElementById("draw").addEventListener("click", askDraw);
await Promise.all([showList(), showBundle()]);
