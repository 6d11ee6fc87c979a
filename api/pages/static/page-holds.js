/** Holds: what is kept and until when somebody has to decide, placing, releasing in two steps, asking for an export. */

import { me, request, serverNow_ms } from "./api.js";
import { groundName } from "./choices.js";
import { DAY_MS, formatDate, formatStamp, HOUR_MS, parseInstant, startOfDay } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { askForm, FieldError, labelled, showDialog } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { cameraLines, holdFacts, holdMark, periodLines, wholeMinutes } from "./hold-facts.js";
import { placeHold } from "./hold-dialog.js";
import { t, tn } from "./i18n.js";
import { notice, noticeError } from "./notices.js";
import { allowedActions } from "./shell.js";

const NEAR_DAYS = 3;

const place = document.getElementById("holds");
const list = document.getElementById("list");
const allowed = allowedActions(place);
let ownId = "";
/** @type {any[]} */
let placements = [];

const STATES = {
  pending: () => chip("quiet", t("Being secured")),
  active: () => chip("held", t("Secured")),
  releasing: () => chip("quiet", t("Being released")),
  released: () => chip("quiet", t("Released")),
  aborted: () => chip("quiet", t("Not placed")),
};

const OUTCOMES = {
  accepted: () => t("All of it"),
  partly: () => t("A part; the rest had been erased"),
  "too-late": () => t("Nothing; it had been erased"),
};

async function load() {
  try {
    const answer = await request("GET", "/api/holds");
    show(answer);
  } catch (error) {
    list.replaceChildren(element("p", { class: "empty" }, error.message));
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

function show(holds) {
  const columns = [t("Case"), t("State"), t("Span"), t("Cameras"), t("Kept"), t("Review on"), t("Acts")].map((title) => ({ title }));
  list.replaceChildren(table(t("Holds"), columns, holds.map(holdRow), t("Nothing is secured. Footage is secured from the playback page, or here.")));
}

function holdRow(hold) {
  const isActive = hold.state === "active" || hold.state === "pending";
  const acts = [textButton(t("Details"), "small", () => showDetails(hold))];
  if (hold.state === "active" && allowed.has("export.request") && hold.segments?.accepted !== 0) acts.push(textButton(t("Export"), "small", () => askExport(hold)));
  if (isActive && allowed.has("hold.release")) acts.push(...releaseButtons(hold));
  return row([
    { content: [holdMark(hold), element("span", { class: "muted small line" }, groundName(hold.ground))] },
    { content: [(STATES[hold.state] ?? (() => chip("quiet", hold.state)))(), releaseLine(hold)] },
    { content: periodLines(hold) },
    { content: cameraLines(hold.placement_ids, placements) },
    { content: [OUTCOMES[hold.outcome]?.() ?? "", counts(hold)] },
    { content: isActive ? reviewDate(hold.review_on) : [""] },
    { class: "acts", content: acts },
  ], { class: isActive ? "" : "is-over" });
}

/** @param {any} hold that is active */
function releaseButtons(hold) {
  if (!hold.release) return [textButton(t("Release"), "small", () => release(hold))];
  const takeBack = textButton(t("Keep after all"), "small", () => askReason(hold, "take-back", t("Keep this footage after all?"), t("Keep after all")));
  if (hold.release.state !== "requested" || hold.release.is_mine) return [takeBack];
  return [
    textButton(t("Approve release"), "small", () => approveRelease(hold)),
    textButton(t("Refuse release"), "small", () => askReason(hold, "refuse", t("Refuse the release of this hold?"), t("Refuse release"))),
  ];
}

/** @param {any} hold @returns {HTMLElement | null} who wants to release it, and until when that can be taken back */
function releaseLine({ release: asked }) {
  if (!asked) return null;
  const text = asked.released_from
    ? t("Released on {time}; until then it can be kept after all", { time: formatStamp(parseInstant(asked.released_from)) })
    : t("{name} asks to release it: {reason}", { name: asked.requested_by.name, reason: asked.reason });
  return element("span", { class: "muted small line" }, text);
}

function counts({ segments }) {
  const text = segments?.too_late ? t("{kept} kept, {late} too late", { kept: segments.accepted, late: segments.too_late }) : segments?.accepted ? tn(segments.accepted, "in {count} recording", "in {count} recordings") : "";
  return text ? element("span", { class: "muted small line" }, text) : null;
}

function facts(hold) {
  return holdFacts(hold, placements, { by: hold.requested_by, at: hold.requested_at });
}

function showDetails(hold) {
  const ended = hold.released_at ? [element("p", {}, t("Ended by {name} on {time}: {reason}", { name: hold.released_by?.name ?? "–", time: formatStamp(parseInstant(hold.released_at)), reason: hold.release_reason ?? "–" }))] : [];
  showDialog(t("Details of this hold"), facts(hold), ...ended);
}

function reviewDate(reviewOn) {
  if (!reviewOn) return [""];
  const due_ms = parseInstant(reviewOn);
  const left_days = Math.floor((startOfDay(due_ms) + DAY_MS - serverNow_ms()) / DAY_MS);
  const shown = formatDate(due_ms);
  if (left_days < 0) return [chip("bad", t("{date}, past", { date: shown }))];
  if (left_days <= NEAR_DAYS) return [chip("warn", t("{date}, soon", { date: shown }))];
  return [shown];
}

/** Two steps: the reason, then the consequence, said in full. */
async function release(hold) {
  const first = await askForm({
    title: t("Release this hold?"),
    lead: t("Case {case}. Say why the footage is no longer needed.", { case: hold.case_number }),
    fields: [facts(hold), labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }))],
    submitText: t("Go on"),
    async submit(data, form) {
      const reason = String(data.get("reason")).trim();
      if (!reason) throw new FieldError(form, "reason", t("Say why the footage is no longer needed."));
      return reason;
    },
  });
  if (!first) return;
  const isOwn = hold.requested_by.id === ownId;
  const done = await askForm({
    title: isOwn ? t("Release your own hold") : t("Ask for the release of this hold"),
    lead: [
      ...(isOwn ? [] : [t("It is somebody else's hold: a second person has to approve.")]),
      t("After the time of grace, what is past its term is erased and can't be brought back; until then it can be kept after all. Exports that have been handed over stay with their receiver."),
    ].join(" "),
    fields: [facts(hold), element("p", {}, t("Reason given: {reason}", { reason: first }))],
    submitText: isOwn ? t("Release") : t("Ask a second person"),
    danger: true,
    submit: () => request("POST", `/api/holds/${encodeURIComponent(hold.id)}/release`, { reason: first }),
  });
  if (done) {
    notice(done.release?.released_from ? t("Hold {case} will be released on {time}.", { case: hold.case_number, time: formatStamp(parseInstant(done.release.released_from)) }) : t("The release of hold {case} waits for a second person.", { case: hold.case_number }), "ok");
    await load();
  }
}

/** @param {any} hold of somebody else, whose release a colleague asked for */
async function approveRelease(hold) {
  const done = await askForm({
    title: t("Approve the release?"),
    lead: t("{name} asks to release it: {reason}", { name: hold.release.requested_by.name, reason: hold.release.reason }),
    fields: [facts(hold)],
    submitText: t("Approve release"),
    danger: true,
    submit: () => request("POST", `/api/holds/${encodeURIComponent(hold.id)}/release/approve`),
  });
  if (done) await load();
}

/** @param {any} hold @param {string} act @param {string} title @param {string} submitText */
async function askReason(hold, act, title, submitText) {
  const done = await askForm({
    title,
    lead: t("Case {case}. Say why.", { case: hold.case_number }),
    fields: [facts(hold), labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }))],
    submitText,
    async submit(data, form) {
      const reason = String(data.get("reason")).trim();
      if (!reason) throw new FieldError(form, "reason", t("Say why."));
      return request("POST", `/api/holds/${encodeURIComponent(hold.id)}/release/${act}`, { reason });
    },
  });
  if (done) await load();
}

async function askExport(hold) {
  const done = await askForm({
    title: t("Ask for an export"),
    lead: t("A second person has to approve it. Then the footage is put together with a manifest."),
    fields: [
      facts(hold), wholeMinutes(hold),
      labelled(t("Receiver"), element("input", { name: "receiver", maxLength: 200, autocomplete: "off" }), t("Unit or office that gets it, for example the investigation unit of the district.")),
    ],
    submitText: t("Ask"),
    async submit(data, form) {
      const receiver = String(data.get("receiver")).trim();
      if (!receiver) throw new FieldError(form, "receiver", t("Fill in who receives it."));
      return request("POST", "/api/exports", { hold_id: hold.id, receiver });
    },
  });
  if (done) notice(t("The export is asked for. A second person can approve it under Exports."), "ok");
}

document.getElementById("place")?.addEventListener("click", async () => {
  // Whoever is quicker than the list of cameras waits for it: a form without cameras can't be sent.
  await known;
  const now_ms = serverNow_ms();
  const answer = await placeHold(placements, { placementIds: [], from_ms: now_ms - HOUR_MS, to_ms: now_ms, now_ms });
  if (answer) await load();
});

const known = (async () => {
  try {
    ownId = (await me()).user.id;
    placements = await request("GET", "/api/placements?ended=true");
  } catch (error) {
    noticeError(error);
  }
})();
await known;
await load();
