/** Acts that need two persons: footage erased before its time, the word that a doubted clock is right, and that a moved camera's plan fits. */

import { me, request, serverNow_ms } from "./api.js";
import { erasureGrounds } from "./choices.js";
import { formatStamp, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { askForm, FieldError, labelled } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { askErasure, previewTable } from "./erasure-dialog.js";
import { listed, t, tn } from "./i18n.js";
import { notice, noticeError } from "./notices.js";
import { allowedActions } from "./shell.js";
import { WatchedList } from "./watched-list.js";

const place = document.getElementById("decisions");
const erasuresPlace = document.getElementById("erasures");
const overridesPlace = document.getElementById("overrides");
const viewsPlace = document.getElementById("fixed-views");
const allowed = allowedActions(place);
let ownId = "";
let placements = [];

const loaded = load();

const STATES = {
  requested: () => chip("warn", t("Waits for a decision")),
  approved: () => chip("warn", t("Approved, about to start")),
  refused: () => chip("quiet", t("Refused")),
  expired: () => chip("quiet", t("Lapsed")),
  done: () => chip("ok", t("Done")),
};

const erasures = new WatchedList(erasuresPlace, "/api/erasures", (items) => {
  const columns = [t("Cameras"), t("State"), t("Ground"), t("Asked for by"), t("Second person"), t("Acts")].map((title) => ({ title }));
  return table(t("Early erasure"), columns, items.map(erasureRow), t("Nobody asked for an early erasure."));
});

const overrides = new WatchedList(overridesPlace, "/api/clock", (items) => {
  const columns = [t("State"), t("Reason"), t("Asked for by"), t("Second person"), t("Acts")].map((title) => ({ title }));
  return table(t("The clock"), columns, items.map(overrideRow), t("Nobody had to say that the clock is right."));
});

const views = new WatchedList(viewsPlace, "/api/fixed-views", (items) => {
  const columns = [t("Camera"), t("State"), t("Reason"), t("Asked for by"), t("Second person"), ""].map((title) => ({ title }));
  return table(t("Fixed cameras that were moved"), columns, items.map(viewRow), t("Nobody had to say that a plan still fits."));
});

async function load() {
  try {
    ownId = (await me()).user.id;
    placements = await request("GET", "/api/placements?ended=true");
  } catch (error) {
    noticeError(error);
  }
}

function erasureRow(item) {
  const names = listed(item.placement_ids.map((id) => placements.find((one) => one.id === id)?.name ?? id));
  const span = `${formatStamp(parseInstant(item.start_at))} – ${formatStamp(parseInstant(item.end_at))}`;
  const ground = erasureGrounds().find(({ value }) => value === item.ground)?.text ?? item.ground;
  return row([
    { content: [element("strong", {}, names), element("span", { class: "muted small line" }, span)] },
    { content: [stateOf(item), item.erased ? element("span", { class: "muted small line" }, tn(item.erased, "{count} minute erased", "{count} minutes erased")) : null] },
    { content: [ground, element("span", { class: "muted small line" }, item.reason)] },
    ...personCells(item),
    { class: "acts", content: actsOf(item, "erasure.decide", approveErasure, "/api/erasures", erasures) },
  ], { dataset: { id: item.id } });
}

function overrideRow(item) {
  const acts = actsOf(item, "clock.decide", approveOverride, "/api/clock", overrides);
  return row([{ content: [stateOf(item)] }, { content: [item.reason] }, ...personCells(item), { class: "acts", content: acts }], { dataset: { id: item.id } });
}

function viewRow(item) {
  const acts = actsOf(item, "view.confirm", approveView, "/api/fixed-views", views);
  return row([{ content: [element("strong", {}, item.placement)] }, { content: [stateOf(item)] }, { content: [item.reason] }, ...personCells(item), { class: "acts", content: acts }], { dataset: { id: item.id } });
}

function stateOf(item) {
  return (STATES[item.state] ?? (() => chip("quiet", item.state)))();
}

function personCells(item) {
  return [
    { class: "nowrap", content: [item.requested_by.name, element("span", { class: "muted small line" }, formatStamp(parseInstant(item.requested_at)))] },
    { class: "nowrap", content: [item.decided_by?.name ?? "–"] },
  ];
}

function actsOf(item, action, approve, path, list) {
  if (item.state !== "requested" || !allowed.has(action)) return [];
  if (item.requested_by.id === ownId) return [element("span", { class: "muted small" }, t("Your own request: somebody else decides."))];
  return [textButton(t("Approve"), "small primary", () => approve(item)), textButton(t("Refuse"), "small", () => refuse(item, path, list))];
}

async function approveErasure(item) {
  const path = `/api/erasures/${encodeURIComponent(item.id)}`;
  try {
    const now = await request("GET", path);
    const done = await askForm({
      title: t("Erase this footage now?"),
      lead: t("You confirm as second person that this footage must go before its time. It can't be undone."),
      fields: [previewTable(now.placements, placements)],
      submitText: t("Approve"),
      danger: true,
      submit: async () => (await request("POST", `${path}/approve`, {})) ?? true,
    });
    if (done) await erasures.load();
  } catch (error) {
    noticeError(error);
  }
}

async function approveOverride(item) {
  const done = await askForm({
    title: t("Is the clock right?"),
    lead: t("It is {time} now. You confirm that you compared this with a clock outside this system. What is due by it is erased.", { time: formatStamp(serverNow_ms()) }),
    fields: [],
    submitText: t("The clock is right"),
    danger: true,
    submit: async () => (await request("POST", `/api/clock/${encodeURIComponent(item.id)}/approve`, {})) ?? true,
  });
  if (done) await overrides.load();
}

async function approveView(item) {
  const done = await askForm({
    title: t("Does the plan fit?"),
    lead: t("You confirm that you looked at what {camera} shows now, and that its masks cover every dwelling. Its picture is shown again.", { camera: item.placement }),
    fields: [],
    submitText: t("The plan fits"),
    danger: true,
    submit: async () => (await request("POST", `/api/fixed-views/${encodeURIComponent(item.id)}/approve`, {})) ?? true,
  });
  if (done) await views.load();
}

async function refuse(item, path, list) {
  const done = await askForm({
    title: t("Refuse this request?"),
    fields: [reasonField()],
    submitText: t("Refuse"),
    submit: async (data, form) => (await request("POST", `${path}/${encodeURIComponent(item.id)}/refuse`, { reason: reasonIn(data, form) })) ?? true,
  });
  if (done) await list.load();
}

function reasonField() {
  return labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }));
}

function reasonIn(data, form) {
  const reason = String(data.get("reason")).trim();
  if (!reason) throw new FieldError(form, "reason", t("Say why."));
  return reason;
}

document.getElementById("ask")?.addEventListener("click", async () => {
  // Whoever is quicker than the list of cameras waits for it.
  await loaded;
  if (await askErasure(placements, serverNow_ms())) {
    notice(t("Asked. A second person has a day to approve it."), "ok");
    await erasures.load();
  }
});

document.getElementById("ask-clock")?.addEventListener("click", async () => {
  const done = await askForm({
    title: t("Is the clock right?"),
    lead: t("It is {time} now. Compare this with a clock outside this system first.", { time: formatStamp(serverNow_ms()) }),
    fields: [reasonField()],
    submitText: t("Ask a second person"),
    submit: (data, form) => request("POST", "/api/clock", { reason: reasonIn(data, form) }),
  });
  if (done) {
    notice(t("Asked. A second person has half an hour to confirm it."), "ok");
    await overrides.load();
  }
});

document.getElementById("ask-view")?.addEventListener("click", async () => {
  try {
    const cameras = await request("GET", "/api/fixed-views/cameras");
    const options = cameras.map((one) => element("option", { value: one.id }, one.moved_at ? t("{camera} (moved)", { camera: one.name }) : one.name));
    const done = await askForm({
      title: t("Does the plan fit?"),
      lead: t("Look first, in the view for drawing masks: every dwelling must be covered. Otherwise draw the plan again."),
      fields: [labelled(t("Camera"), element("select", { name: "placement_id" }, ...options)), reasonField()],
      submitText: t("Ask a second person"),
      submit: (data, form) => request("POST", "/api/fixed-views", { placement_id: data.get("placement_id"), reason: reasonIn(data, form) }),
    });
    if (done) {
      notice(t("Asked. A second person has a day to confirm it."), "ok");
      await views.load();
    }
  } catch (error) {
    noticeError(error);
  }
});

await loaded;
// What a role may not see, its page does not ask for: each refusal would be an entry in the log.
if (erasuresPlace) await erasures.watch();
if (overridesPlace) await overrides.watch();
if (viewsPlace) await views.watch();
