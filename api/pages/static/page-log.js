/** The log: newest first, filters, older pages, details on demand. Sentences as people read them. */

import { me, request, serverNow_ms } from "./api.js";
import { formatStamp, formatUtc, fromField, isoInstant, parseInstant, toField } from "./civil-time.js";
import { chip } from "./data-table.js";
import { element, icon } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { fieldName, fieldValue, isSaid } from "./log-fields.js";
import { actorName, objectSummary, roleName, subjectOf, whyText } from "./log-words.js";
import { noticeError } from "./notices.js";
import { purposeName } from "./choices.js";
import { CASE_EXAMPLE, tidyCaseNumber } from "./purpose-dialog.js";
import "./shell.js";

const PAGE_ENTRIES = 100;
const ROOT_SHOWN = 12;

const form = /** @type {HTMLFormElement} */ (document.getElementById("filters"));
const list = document.getElementById("list");
const state = document.getElementById("state");
const found = document.getElementById("found");
const more = element("button", { type: "button", class: "older", on: { click: () => load(oldest) } }, t("Older"));
const lines = element("ol", { class: "log-lines" });
let oldest = Number.NaN;
/** @type {Map<string, string>} */
const placementNames = new Map();

function query(beforeSeq) {
  const data = new FormData(form);
  const wanted = new URLSearchParams({ limit: String(PAGE_ENTRIES) });
  for (const name of ["from", "to"]) {
    const at_ms = fromField(String(data.get(name) || ""), serverNow_ms());
    const isWrong = Boolean(String(data.get(name) || "").trim()) && Number.isNaN(at_ms);
    form.elements.namedItem(name).toggleAttribute("aria-invalid", isWrong);
    // A filter that is silently left out would show what nobody asked for.
    if (isWrong) throw new Error(t("“{text}” is no time. Type for example {example}.", { text: String(data.get(name)), example: toField(serverNow_ms()) }));
    if (!Number.isNaN(at_ms)) wanted.set(name, isoInstant(at_ms));
  }
  for (const name of ["act", "actor", "placement_id"]) {
    const value = String(data.get(name) || "").trim();
    if (value) wanted.set(name, value);
  }
  const caseNumber = tidyCaseNumber(data.get("case"));
  if (caseNumber) wanted.set("case", caseNumber);
  if (!Number.isNaN(beforeSeq)) wanted.set("before_seq", String(beforeSeq));
  return wanted;
}

async function load(beforeSeq) {
  list.setAttribute("aria-busy", "true");
  try {
    const wanted = query(beforeSeq);
    const answer = await request("GET", `/api/ledger?${wanted}`);
    if (Number.isNaN(beforeSeq)) lines.replaceChildren();
    lines.append(...answer.entries.map(entryLine));
    oldest = answer.entries.at(-1)?.seq ?? oldest;
    more.hidden = answer.entries.length < PAGE_ENTRIES;
    showState(answer);
    showFound(answer, wanted);
    list.replaceChildren(lines.children.length ? lines : element("p", { class: "empty" }, t("Nothing in the log matches these filters.")), more);
  } catch (error) {
    if (Number.isNaN(beforeSeq)) {
      list.replaceChildren(element("p", { class: "empty" }, error.message));
      found?.replaceChildren();
    } else noticeError(error);
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

/** How many there are, and all of them as a file. */
function showFound(answer, wanted) {
  if (!found || answer.found === null) return;
  const count = formatNumber(answer.found);
  const parts = [element("span", { class: "muted" }, answer.found_more ? t("More than {count} found: narrow the search to take them along.", { count }) : t("{count} found", { count }))];
  if (answer.found && !answer.found_more) parts.push(rowsLink(wanted, "csv", "CSV", t("Take what is found along, for a spreadsheet")), rowsLink(wanted, "json", "JSON", t("Take what is found along, for a program")));
  found.replaceChildren(...parts);
}

function rowsLink(wanted, form, text, title) {
  const rows = new URLSearchParams(wanted);
  rows.delete("limit");
  rows.set("form", form);
  return element("a", { class: "button small", href: `/api/ledger/rows?${rows}`, download: "", title }, icon("download"), text);
}

function showState({ size, root }) {
  if (size === undefined || size === null) return;
  state.replaceChildren(
    element("span", {}, t("{count} entries", { count: formatNumber(size) })),
    element("span", { class: "muted", title: t("Root of the log's hash tree: it changes when anything in the log changes. {root}", { root: root ?? "" }) }, t("root"), " ", element("code", { class: "mono" }, `${(root ?? "").slice(0, ROOT_SHOWN)}…`)),
  );
}

function entryLine(entry) {
  const at_ms = parseInstant(entry.at);
  const subject = subjectOf(entry);
  const isPerson = subject.kind !== "service";
  const about = objectSummary(entry, placementNames, subject.id);
  const summary = element("summary", {},
    element("time", { title: formatUtc(at_ms), dateTime: entry.at }, formatStamp(at_ms)),
    element("span", { class: "log-sentence" },
      element("strong", { class: isPerson ? "" : "is-service" }, actorName(subject)), " ", entry.act_text || entry.act,
      about ? element("span", { class: "log-object" }, " · ", about) : null),
    resultOf(entry),
    element("span", { class: "log-seq muted mono" }, `#${entry.seq}`));
  return element("li", {}, element("details", {}, summary, details(entry, at_ms)));
}

function resultOf({ result }) {
  if (result === "denied") return chip("warn", t("refused"));
  if (result === "failed") return chip("bad", t("failed"));
  return null;
}

function details(entry, at_ms) {
  const known = { people: entry.people ?? {}, placements: placementNames };
  const rows = [
    [t("UTC"), formatUtc(at_ms)], [t("Act"), entry.act], [t("Who"), [entry.actor.name, entry.actor.id === entry.actor.name ? "" : `(${entry.actor.id})`, roleName(entry.actor.role)].filter(Boolean).join(" ")],
    [t("Purpose"), purposeText(entry.purpose)], [t("Receiver"), entry.recipient], [t("Reason"), whyText(entry.why)], [t("Origin"), entry.origin && fieldValue("origin", entry.origin, known)],
    ...Object.entries(entry.object || {}).filter(([, value]) => isSaid(value)).map(([name, value]) => [fieldName(name), fieldValue(name, value, known)]),
  ].filter(([, value]) => isSaid(value));
  const told = rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: "mono" }, String(value))]);
  if (found) told.push(element("dt", {}, t("Proof")), element("dd", {}, proofLink(entry.seq)));
  return element("dl", {}, ...told);
}

function proofLink(seq) {
  const title = t("A file with the entry and the proof that it is in the signed log; vms-audit verify-proof checks it.");
  return element("a", { href: `/api/ledger/${seq}/proof`, download: "", title }, t("Download"));
}

function purposeText(purpose) {
  if (!purpose) return "";
  if (typeof purpose === "string") return purpose;
  const name = purposeName(purpose.code);
  return [name, purpose.case ?? purpose.case_number, purpose.text].filter(Boolean).join(" · ");
}

async function fillChoices() {
  const [acts, placements] = await Promise.allSettled([request("GET", "/api/ledger/acts"), request("GET", "/api/placements?ended=true")]);
  if (acts.status === "fulfilled") {
    form.elements.namedItem("act").append(...acts.value.map(({ act, text }) => element("option", { value: act }, text)));
  }
  if (placements.status === "fulfilled") {
    for (const { id, name } of placements.value) placementNames.set(id, name);
    form.elements.namedItem("placement_id").append(...placements.value.map(({ id, name }) => element("option", { value: id }, name)));
  } else form.elements.namedItem("placement_id").closest("label").hidden = true;
}

form.elements.namedItem("case").placeholder = CASE_EXAMPLE;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  load(Number.NaN);
});
form.addEventListener("reset", () => setTimeout(() => load(Number.NaN)));

try {
  await me();
  await fillChoices();
} catch (error) {
  noticeError(error);
}
await load(Number.NaN);
