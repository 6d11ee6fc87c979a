/** The commissioning view: asking for it, the second person's decision, the view itself, and ending it. */

import { me, request } from "./api.js";
import { formatClock, formatStamp, parseInstant } from "./civil-time.js";
import { CommissioningPad } from "./commissioning-pad.js";
import "./commissioning-picture.js";
import { chip, row, table } from "./data-table.js";
import { askForm, FieldError, labelled, select } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { t } from "./i18n.js";
import { notice, noticeError } from "./notices.js";
import "./panorama-picture.js";
import { allowedActions } from "./shell.js";
import { WatchedList } from "./watched-list.js";

const MINUTES = [5, 10, 15, 20, 30];
const USUAL_MINUTES = 15;
const LEAST_REASON = 10;

const place = document.getElementById("commissioning");
const viewPlace = document.getElementById("view");
const allowed = allowedActions(place);
const picture = /** @type {import("./commissioning-picture.js").CommissioningPicture} */ (document.createElement("commissioning-picture"));
/** @type {CommissioningPad | null} */
let pad = null;
let ownId = "";
let openId = "";

const STATES = {
  requested: () => chip("warn", t("Waits for a decision")),
  approved: () => chip("bad", t("Approved")),
  refused: () => chip("quiet", t("Refused")),
  closed: () => chip("quiet", t("Over")),
};

const WHY = {
  ended: () => t("ended by hand"),
  expired: () => t("the time was over"),
  lapsed: () => t("nobody decided in time"),
  "session-over": () => t("whoever asked signed out"),
  "no-longer-allowed": () => t("the role of whoever asked ended"),
  "second-person-left": () => t("the second person signed out"),
  "second-person-not-allowed": () => t("the role of the second person ended"),
  unwritten: () => t("the log could not be written"),
  "server-died": () => t("the server failed"),
  unavailable: () => t("the camera gave no pictures"),
};

const list = new WatchedList(document.getElementById("list"), "/api/commissioning", (leaves) => {
  const columns = [t("Camera"), t("State"), t("Asked for by"), t("Reason"), t("Second person"), t("Acts")].map((title) => ({ title }));
  return table(t("Views for drawing masks"), columns, leaves.map(leaveRow), t("Nobody asked for a view in the last day."));
});

function leaveRow(leave) {
  return row([
    { class: "nowrap", content: [element("strong", {}, leave.placement.name)] },
    { content: stateOf(leave) },
    { class: "nowrap", content: [leave.requested_by.name, element("span", { class: "muted small line" }, formatStamp(parseInstant(leave.requested_at)))] },
    { content: [leave.reason] },
    { class: "nowrap", content: [leave.decided_by?.name ?? "–"] },
    { class: "acts", content: actsOf(leave) },
  ], { dataset: { id: leave.id } });
}

function stateOf(leave) {
  const content = [(STATES[leave.state] ?? (() => chip("quiet", leave.state)))()];
  const line = (text) => content.push(element("span", { class: "muted small line" }, text));
  if (leave.state === "requested") line(t("for {minutes} minutes", { minutes: leave.minutes }));
  if (leave.state === "approved") line(t("until {time}", { time: formatClock(parseInstant(leave.until_at)) }));
  if (leave.state === "approved" && leave.shown) line(t("shown now"));
  if (leave.state === "closed") line(WHY[leave.closed_why]?.() ?? leave.closed_why ?? "");
  return content;
}

function actsOf(leave) {
  const acts = [];
  const isOwn = leave.requested_by.id === ownId;
  const mayDecide = allowed.has("commissioning.approve");
  if (leave.state === "requested") {
    if (isOwn) acts.push(element("span", { class: "muted small" }, t("Your own request: somebody else decides.")), textButton(t("Withdraw"), "small", () => end(leave)));
    else if (mayDecide) acts.push(textButton(t("Approve"), "small primary", () => approve(leave)), textButton(t("Refuse"), "small", () => refuse(leave)));
  } else if (leave.state === "approved") {
    if (isOwn && allowed.has("commissioning.view") && openId !== leave.id) acts.push(textButton(t("Open the view"), "small primary", () => openView(leave)));
    if (isOwn || mayDecide) acts.push(textButton(t("End it now"), "small danger", () => end(leave)));
  }
  return acts;
}

async function ask() {
  let placements = [];
  try {
    placements = await request("GET", "/api/placements");
  } catch (error) {
    noticeError(error);
    return;
  }
  const cameras = placements.map(({ id, name, area }) => ({ value: id, text: `${name} · ${area.name}` }));
  const done = await askForm({
    title: t("Ask for a view to draw masks"),
    lead: t("You see the camera unblanked and strongly reduced, after a second person has approved. Both names, the reason and every second of it are in the log."),
    fields: [
      labelled(t("Camera"), select("placement", cameras, new URLSearchParams(location.search).get("placement") ?? "")),
      labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 })),
      labelled(t("Minutes"), select("minutes", MINUTES.map((count) => ({ value: String(count), text: String(count) })), String(USUAL_MINUTES))),
    ],
    submitText: t("Ask"),
    async submit(data, form) {
      const reason = String(data.get("reason")).trim();
      if (reason.length < LEAST_REASON) throw new FieldError(form, "reason", t("Give the reason in at least {least} characters.", { least: LEAST_REASON }));
      return request("POST", `/api/placements/${encodeURIComponent(String(data.get("placement")))}/commissioning`, { reason, minutes: Number(data.get("minutes")) });
    },
  });
  if (done) await list.load();
}

async function approve(leave) {
  const done = await askForm({
    title: t("Let {name} see {camera} unblanked?", { name: leave.requested_by.name, camera: leave.placement.name }),
    lead: t("For {minutes} minutes from now, strongly reduced, never recorded. Stay signed in: the view ends when you sign out, and you can end it at any time.", { minutes: leave.minutes }),
    fields: [element("p", {}, t("Reason given: {reason}", { reason: leave.reason }))],
    submitText: t("Approve"),
    submit: () => request("POST", `/api/commissioning/${encodeURIComponent(leave.id)}/approve`, {}),
  });
  if (done) await list.load();
}

async function refuse(leave) {
  const done = await askForm({
    title: t("Refuse this view?"),
    fields: [labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }))],
    submitText: t("Refuse"),
    async submit(data, form) {
      const reason = String(data.get("reason")).trim();
      if (reason.length < LEAST_REASON) throw new FieldError(form, "reason", t("Give the reason in at least {least} characters.", { least: LEAST_REASON }));
      return request("POST", `/api/commissioning/${encodeURIComponent(leave.id)}/refuse`, { reason });
    },
  });
  if (done) await list.load();
}

async function end(leave) {
  try {
    await request("POST", `/api/commissioning/${encodeURIComponent(leave.id)}/end`, {});
  } catch (error) {
    noticeError(error);
  }
  await list.load();
}

async function openView(leave) {
  closeView();
  openId = leave.id;
  const placement = (await request("GET", "/api/placements")).find(({ id }) => id === leave.placement.id);
  viewPlace.replaceChildren(element("h2", {}, leave.placement.name), picture);
  if (placement?.ptz) {
    pad = new CommissioningPad(leave.id);
    pad.connect();
    viewPlace.append(pad.place);
  }
  viewPlace.append(textButton(t("Close the view"), "", () => {
    closeView();
    list.load();
  }));
  if (placement?.ptz && allowed.has("panorama.view")) {
    const panorama = /** @type {import("./panorama-picture.js").PanoramaPicture} */ (document.createElement("panorama-picture"));
    viewPlace.append(panorama);
    panorama.load(leave.placement.id).catch(noticeError);
  }
  viewPlace.hidden = false;
  scrollTo(0, 0);
  picture.open(leave);
  await list.load();
}

function closeView() {
  openId = "";
  pad?.disconnect();
  pad = null;
  picture.close();
  viewPlace.replaceChildren();
  viewPlace.hidden = true;
}

picture.addEventListener("over", (event) => {
  const { why } = /** @type {CustomEvent} */ (event).detail;
  closeView();
  notice(t("The view is over: {why}.", { why: WHY[why]?.() ?? t("the connection was lost") }), "bad");
  list.load();
});

document.getElementById("ask")?.addEventListener("click", ask);
try {
  ownId = (await me()).user.id;
} catch (error) {
  noticeError(error);
}
await list.watch();
