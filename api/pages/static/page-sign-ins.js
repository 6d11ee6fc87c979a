/** The police supervisor's reviews of sign-ins: which months are owed, a sample that the log draws, a judgement of each, a signature. */

import { request } from "./api.js";
import { formatMonth, lastDayField, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { askForm, FieldError, labelled } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { whyText } from "./log-words.js";
import { footOf, judging, lastCells, openReview, stamp, stateOf, verdictOf } from "./reviewing.js";
import "./shell.js";

const USUAL_SAMPLE = 40;
const FEWEST_SAMPLE = 20;
const MOST_SAMPLE = 200;

/** @type {Record<string, () => string>} why a sign-in was drawn */
const REASONS = {
  failure: () => t("Refused or locked out"),
  "new-address": () => t("Other address"),
  "odd-hour": () => t("Unusual hour"),
  random: () => t("At random"),
};

const owedList = document.getElementById("owed");
const list = document.getElementById("sign-in-reviews");
const mayDraw = document.getElementById("audit").dataset.allowed.split(" ").includes("signin.review");

/** @type {import("./reviewing.js").Reviews} */
const REVIEWS = {
  path: "/api/sign-in-reviews",
  place: document.getElementById("sign-in-review"),
  show: showReview,
  refresh: showLists,
  question: () => t("What is wrong with this sign-in?"),
  missing: () => t("Say what is wrong with this sign-in."),
};

async function showLists() {
  try {
    const { owed, reviews } = await request("GET", REVIEWS.path);
    const owedColumns = [{ title: t("Month") }, { title: t("State") }, { title: t("Acts") }];
    owedList.replaceChildren(table(t("Months to review"), mayDraw ? owedColumns : owedColumns.slice(0, 2), owed.map(owedRow), t("Every month that is over has been reviewed.")));
    const columns = [{ title: t("Month") }, { title: t("State") }, { title: t("Drawn") }, { title: t("Sample"), class: "number" }, { title: t("Findings"), class: "number" }, { title: t("Acts") }];
    list.replaceChildren(table(t("Reviews of sign-ins"), columns, reviews.map(reviewRow), t("No sample has been drawn yet.")));
  } catch (error) {
    owedList.replaceChildren();
    list.replaceChildren(element("p", { class: "empty" }, error.message));
  } finally {
    for (const place of [owedList, list]) place.setAttribute("aria-busy", "false");
  }
}

function owedRow(one) {
  const day = lastDayField(one.due_at);
  const state = one.is_due ? chip("bad", t("Should have been signed by {day}", { day })) : chip("warn", t("To be signed by {day}", { day }));
  const cells = [{ class: "nowrap", content: [formatMonth(parseInstant(one.from))] }, { content: [state] }];
  if (mayDraw) cells.push({ class: "acts", content: [textButton(t("Draw the sample"), "small", () => askDraw(one))] });
  return row(cells, { dataset: { id: one.month } });
}

function reviewRow(review) {
  return row([
    { class: "nowrap", content: [formatMonth(parseInstant(review.from))] },
    { content: [stateOf(review)] },
    { class: "nowrap", content: [stamp(review.drawn_at), element("span", { class: "muted small line" }, review.by)] },
    ...lastCells(REVIEWS, review),
  ], { dataset: { id: review.id } });
}

function showReview(review) {
  const columns = [{ title: t("When") }, { title: t("Who") }, { title: t("Act") }, { title: t("From where") }, { title: t("Why drawn") }, { title: t("Judgement") }];
  const month = formatMonth(parseInstant(review.from));
  const mayJudge = (item) => item.may_judge && !review.signed_at;
  REVIEWS.place.replaceChildren(
    element("div", { class: "review-head" }, element("h2", {}, t("Sample of {count} sign-ins, {month}", { count: formatNumber(review.drawn), month })), stateOf(review)),
    element("p", { class: "muted small" }, t("The log itself draws: nobody chooses the seed. Drawn again offline: {command}", { command: ["vms-audit", "access", "…", "--sign-ins"].join(" ") })),
    table(t("Sample"), columns, review.items.map((item) => itemRow(review, item, mayJudge(item))), ""), ...footOf(REVIEWS, review));
  REVIEWS.place.hidden = false;
}

function itemRow(review, item, mayJudge) {
  const why = whyText(item.why);
  return row([
    { class: "nowrap", content: [stamp(item.at), element("span", { class: "muted small line mono" }, `#${item.seq}`)] },
    { content: [element("strong", {}, item.actor.name ?? t("Unknown user name"))] },
    { content: [item.act_text, why ? element("span", { class: "muted small line" }, why) : null] },
    { class: "mono", content: [[item.origin.ws, item.origin.ip].filter(Boolean).join(" · ") || "–"] },
    { content: item.reasons.map((reason) => element("span", { class: "line" }, REASONS[reason]?.() ?? reason)) },
    { class: "judgement", content: judgementOf(review, item, mayJudge) },
  ], { dataset: { id: String(item.seq) } });
}

function judgementOf(review, item, mayJudge) {
  if (mayJudge) return judging(REVIEWS, review, item);
  const by = item.judged_by ? element("span", { class: "muted small line" }, t("by {name}", { name: item.judged_by })) : null;
  const own = item.is_own && !item.verdict ? element("span", { class: "muted small line" }, t("Your own: another supervisor judges it.")) : null;
  return [verdictOf(item), by, own].filter(Boolean);
}

async function askDraw(owed) {
  const month = formatMonth(parseInstant(owed.from));
  const made = await askForm({
    title: t("Draw the sample of {month}", { month }), lead: t("Of the sign-ins, refusals and locks of that month: failures, other addresses, unusual hours and others take turns. Your own are judged by another supervisor."),
    fields: [labelled(t("How many"), element("input", { name: "sample", value: String(USUAL_SAMPLE), inputMode: "numeric" }), t("At most {count}", { count: MOST_SAMPLE }))],
    submitText: t("Draw it"),
    submit: (data, form) => {
      const sample = Number(data.get("sample"));
      if (!Number.isInteger(sample) || sample < FEWEST_SAMPLE || sample > MOST_SAMPLE) throw new FieldError(form, "sample", t("Draw between {fewest} and {most}.", { fewest: FEWEST_SAMPLE, most: MOST_SAMPLE }));
      return request("POST", REVIEWS.path, { month: owed.month, sample });
    },
  });
  if (!made) return;
  await showLists();
  await openReview(REVIEWS, made.id);
}

await showLists();
