/** Exports: where each stands, the decision of the second person, the package and its facts. */

import { me, request } from "./api.js";
import { groundName } from "./choices.js";
import { formatStamp, parseInstant } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { askForm, FieldError, labelled } from "./dialog.js";
import { element, icon, iconButton, textButton } from "./dom.js";
import { cameraLines, footageAddress, holdFacts, holdMark, periodLines, wholeMinutes } from "./hold-facts.js";
import { formatBytes, formatNumber, t } from "./i18n.js";
import { notice, noticeError } from "./notices.js";
import { allowedActions } from "./shell.js";
import { WatchedList } from "./watched-list.js";

const HASH_SHOWN = 12;

const place = document.getElementById("exports");
const allowed = allowedActions(place);
let ownId = "";
/** @type {any[]} */
let placements = [];

const STATES = {
  requested: () => chip("warn", t("Waits for a decision")),
  approved: () => chip("quiet", t("Approved, about to start")),
  building: () => chip("quiet", t("Being made")),
  ready: () => chip("ok", t("Ready")),
  failed: () => chip("bad", t("Failed")),
  refused: () => chip("quiet", t("Refused")),
  erased: () => chip("quiet", t("Erased with its hold")),
};

const list = new WatchedList(document.getElementById("list"), "/api/exports", (exports) => {
  const columns = [t("Case"), t("State"), t("Cameras"), t("Period"), t("Receiver"), t("Asked for"), t("Package"), t("Acts")].map((title) => ({ title }));
  return table(t("Exports"), columns, exports.map(exportRow), t("No export has been asked for. Ask for one from a hold."));
});

function exportRow(item) {
  return row([
    { content: [holdMark(item), element("span", { class: "muted small line" }, groundName(item.ground))] },
    { content: stateOf(item) },
    { content: cameraLines(item.placement_ids, placements) },
    { content: periodLines(item) },
    { content: [item.receiver] },
    { class: "nowrap", content: [formatStamp(parseInstant(item.requested_at)), element("span", { class: "muted small line" }, item.requested_by.name)] },
    { content: packageOf(item) },
    { class: "acts", content: actsOf(item) },
  ], { dataset: { id: item.id } });
}

function stateOf(item) {
  const content = [(STATES[item.state] ?? (() => chip("quiet", item.state)))()];
  if (item.state === "building" && item.progress?.total) {
    const share = item.progress.done / item.progress.total;
    content.push(element("progress", { max: 1, value: share, "aria-label": t("Progress") }), element("span", { class: "muted small" }, ` ${formatNumber(share * 100)} %`));
  }
  if (item.decided_by && ["refused", "ready", "building", "approved"].includes(item.state)) {
    content.push(element("span", { class: "muted small line" }, item.state === "refused" ? t("by {name}", { name: item.decided_by.name }) : t("approved by {name}", { name: item.decided_by.name })));
  }
  if (item.failure) content.push(element("span", { class: "muted small line", title: item.failure }, item.failure_text));
  return content;
}

function packageOf(item) {
  if (item.state !== "ready") return [""];
  const content = [item.size_bytes ? formatBytes(item.size_bytes) : ""];
  if (item.sha256) {
    content.push(element("span", { class: "hash nowrap line" }, element("span", { class: "muted small" }, "SHA-256 "), element("code", { class: "mono small", title: item.sha256 }, `${item.sha256.slice(0, HASH_SHOWN)}…`),
      iconButton("copy", t("Copy the SHA-256"), { class: "plain square small", on: { click: () => copy(item.sha256) } })));
  }
  return content;
}

function actsOf(item) {
  const acts = [];
  const isOwn = item.requested_by.id === ownId;
  if (item.state === "requested" && allowed.has("export.decide")) {
    if (isOwn) acts.push(element("span", { class: "muted small" }, t("Your own request: somebody else decides.")));
    else acts.push(textButton(t("Approve"), "small primary", () => approve(item)), textButton(t("Refuse"), "small", () => refuse(item)));
  }
  if (item.state === "ready" && allowed.has("export.download")) {
    acts.push(element("a", { class: "button small", href: `/api/exports/${encodeURIComponent(item.id)}/download`, download: "" }, icon("download"), t("Download")));
  }
  return acts;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notice(t("Copied."), "ok");
  } catch (error) {
    noticeError(error);
  }
}

/** All that is decided about, and, where one may, the way to the footage itself. */
function factsOf(item) {
  const asked = t("Asked for by {name} on {time}, for {receiver}", { name: item.requested_by.name, time: formatStamp(parseInstant(item.requested_at)), receiver: item.receiver });
  const look = allowed.has("playback.view") ? element("p", {}, element("a", { href: footageAddress(item), target: "_blank", rel: "noopener" }, t("Look at the footage (new tab)"))) : null;
  return [holdFacts(item, placements, { by: item.held_by, at: item.held_at }), element("p", {}, asked), ...(look ? [look] : [])];
}

async function approve(item) {
  const done = await askForm({
    title: t("Approve this export?"),
    lead: t("You confirm that {receiver} may receive this footage for this case.", { receiver: item.receiver }),
    fields: [...factsOf(item), wholeMinutes(item)],
    submitText: t("Approve"),
    submit: async () => (await request("POST", `/api/exports/${encodeURIComponent(item.id)}/approve`, {})) ?? true,
  });
  if (done) await list.load();
}

async function refuse(item) {
  const done = await askForm({
    title: t("Refuse this export?"),
    fields: [...factsOf(item), labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }))],
    submitText: t("Refuse"),
    async submit(data, form) {
      const reason = String(data.get("reason")).trim();
      if (!reason) throw new FieldError(form, "reason", t("Say why you refuse it."));
      return (await request("POST", `/api/exports/${encodeURIComponent(item.id)}/refuse`, { reason })) ?? true;
    },
  });
  if (done) await list.load();
}

try {
  ownId = (await me()).user.id;
  placements = await request("GET", "/api/placements?ended=true");
} catch (error) {
  noticeError(error);
}
await list.watch();
