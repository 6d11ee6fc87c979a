/** Erasing at a glance, for the auditor: the oldest second of each camera, sweeps, brake, clocks, keys, the log, and the monthly proofs. */

import { request } from "./api.js";
import { formatSpan, formatStamp, lastDayField, parseInstant, SECOND_MS } from "./civil-time.js";
import { chip, row, table } from "./data-table.js";
import { askForm, FieldError, labelled, showDialog } from "./dialog.js";
import { element, textButton } from "./dom.js";
import { formatNumber, t, tn } from "./i18n.js";
import { notice, noticeError } from "./notices.js";
import { CONFIRMED, doubtText, problemText } from "./service-health.js";
import { allowedActions } from "./shell.js";

const POLL_MS = 30_000;
/** Characters of an explanation (`vms/db/proofs.py`). */
const LEAST_EXPLANATION = 10;

const maySign = allowedActions(document.getElementById("erasing")).has("proof.sign");

const STATES = {
  ok: () => chip("ok", t("In time")),
  late: () => chip("warn", t("Late")),
  breach: () => chip("bad", t("Past 28 days")),
  none: () => chip("quiet", t("No footage")),
};

const OUTCOMES = {
  good: () => chip("ok", t("All that was due")),
  stopped: () => chip("bad", t("Stopped")),
  running: () => chip("quiet", t("Running")),
};

async function load(background) {
  try {
    const answer = await request("GET", "/api/erasing", undefined, { background });
    showSummary(answer);
    showTiles(answer);
    place("cameras", cameraTable(answer));
    place("proofs", proofTable(answer.proofs));
    place("sweeps", sweepTable(answer.sweeps));
  } catch (error) {
    if (!background) place("cameras", element("p", { class: "empty" }, error.message));
  }
}

function place(id, content) {
  const target = document.getElementById(id);
  target.replaceChildren(content);
  target.setAttribute("aria-busy", "false");
}

function showSummary({ service, placements }) {
  const isLate = placements.some(({ state }) => state === "breach" || state === "late");
  place("summary", service.in_order && !isLate ? chip("ok", t("In order")) : chip("bad", t("Needs attention")));
}

function showTiles(answer) {
  document.getElementById("tiles").replaceChildren(...[
    erasingTile(answer), clockTile(answer), keyTile(answer), holdTile(answer), ...logTiles(answer.ledger),
  ]);
}

/** @param {string} title @param {HTMLElement} head a chip @param {(string | null)[]} lines */
function tile(title, head, ...lines) {
  return element("div", { class: "tile" }, element("h2", {}, title), head, ...lines.filter(Boolean).map((line) => element("p", { class: "muted small" }, line)));
}

function erasingTile({ service, sweeps, last_good_at, breaches }) {
  const isBraked = sweeps[0]?.doubts.includes("brake");
  const problems = service.problems.map(problemText);
  return tile(t("Sweeps"), service.in_order ? chip("ok", t("Erasing works")) : chip("bad", t("Needs attention")),
    last_good_at ? t("Last good sweep {time}", { time: stamp(last_good_at) }) : t("There was no good sweep yet."),
    isBraked ? t("The brake holds: far more is due at once than usual.") : t("The brake does not hold."),
    breaches.count ? t("Reported past 28 days: {count} times, last {time}", { count: breaches.count, time: stamp(breaches.last_at) }) : t("Footage past 28 days was never reported."),
    ...problems);
}

function clockTile({ clock, sweeps }) {
  const doubts = (sweeps[0]?.doubts ?? []).filter((code) => code !== "brake" && code !== CONFIRMED);
  const known = doubts.map(doubtText);
  return tile(t("Clock"), doubts.length ? chip("bad", t("In doubt")) : chip("ok", t("Not in doubt")), ...known,
    difference(t("Database"), clock.database_ahead_s), difference(t("Clock since boot, since the last sweep"), clock.boot_ahead_s),
    clock.witnessed_at ? `${difference(t("Witness"), clock.witness_ahead_s)} (${stamp(clock.witnessed_at)})` : t("No witness has signed."),
    t("Allowed: {seconds} s", { seconds: formatNumber(clock.tolerance_s) }));
}

function difference(name, ahead_s) {
  if (ahead_s === null) return t("{name}: can't be compared after a restart", { name });
  return t("{name}: {seconds} s ahead", { name, seconds: formatNumber(ahead_s, 1) });
}

function keyTile({ keys, at }) {
  const isMany = keys.hours > keys.most || keys.holds > keys.holds_kept;
  const oldest = keys.oldest_at ? t("Oldest: {time}, {age} old", { time: stamp(keys.oldest_at), age: age(at, keys.oldest_at) }) : null;
  return tile(t("Keys alive"), isMany ? chip("bad", t("More than expected")) : chip("ok", tn(keys.hours, "{count} hour key", "{count} hour keys")),
    isMany ? tn(keys.hours, "{count} hour key", "{count} hour keys") : null,
    t("At most {count} are expected: one an hour for 28 days.", { count: formatNumber(keys.most) }), oldest,
    t("Hold keys: {keys}, for {holds} holds", { keys: keys.holds, holds: keys.holds_kept }),
    keys.level === "file" ? t("Assurance level: file. Footage, segment keys and hour keys never lie on a disk in the clear; no hardware is vouched for.") : t("Assurance level: {level}", { level: keys.level }));
}

function holdTile({ holds }) {
  return tile(t("Holds"), holds.pending ? chip("warn", t("Being placed: {count}", { count: holds.pending })) : chip("ok", t("{count} active", { count: holds.active })),
    holds.pending ? t("Nothing new is erased until they are placed.") : t("None is being placed."),
    t("Came too late for something: {count} times", { count: holds.late }));
}

const ANCHORS = { witness: () => t("witness"), stamps: () => t("time stamps"), mail: () => t("checkpoint mail") };

/** @param {string} name of an anchor outside this house */
function anchorName(name) {
  return (ANCHORS[name] ?? (() => name))();
}

function logTiles(ledger) {
  const { checkpoint, cosigned, review } = ledger;
  return [
    tile(t("Logging on"), ledger.is_whole ? chip("ok", t("Yes, and whole where it grows")) : chip("bad", t("The log is not whole")),
      t("Tested every minute."), ledger.checked_at ? t("Every entry checked {time}", { time: stamp(ledger.checked_at) }) : t("Not every entry was checked yet."), ledger.newest_at ? t("Newest entry {time}", { time: stamp(ledger.newest_at) }) : null),
    tile(t("Log kept since"), chip("ok", ledger.kept_since ? stamp(ledger.kept_since) : "–"),
      tn(ledger.size, "{count} entry", "{count} entries"),
      checkpoint ? t("Newest checkpoint: size {count}, {time}", { count: formatNumber(checkpoint.size), time: stamp(checkpoint.at) }) : t("No checkpoint was signed yet."),
      cosigned ? t("Co-signed by {name}: size {count}, {time}", { name: cosigned.witness, count: formatNumber(cosigned.size), time: stamp(cosigned.at) }) : t("No witness has signed."),
      ledger.off.length ? t("Not set up: {names}. Nobody outside notices when the log is set back.", { names: ledger.off.map(anchorName).join(", ") }) : null),
    tile(t("Last review of views"), review ? chip(review.findings ? "warn" : "ok", stamp(review.signed_at)) : chip("warn", t("None was signed yet")),
      review ? t("By {name}: {samples} views, {findings} findings", { name: review.by, samples: review.samples, findings: review.findings }) : null),
  ];
}

function cameraTable({ placements, at, longest_s }) {
  const columns = [
    { title: t("Camera") }, { title: t("State") }, { title: t("Oldest that nobody holds") }, { title: t("Age"), class: "number" },
    { title: t("To 28 days"), class: "number" }, { title: t("Oldest held") }, { title: t("Newest") },
  ];
  const order = ["breach", "late", "ok", "none"];
  const sorted = [...placements].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return table(t("Oldest footage of each camera"), columns, sorted.map((one) => cameraRow(one, at, longest_s * SECOND_MS)), t("No camera is placed yet."));
}

function cameraRow(one, at, longest_ms) {
  const age_ms = one.oldest_unheld_at ? parseInstant(at) - parseInstant(one.oldest_unheld_at) : Number.NaN;
  const left_ms = longest_ms - age_ms;
  return row([
    { content: [element("strong", {}, one.name), element("span", { class: "muted small line" }, one.is_over ? `${one.id} · ${t("placement has ended")}` : one.id)] },
    { content: [STATES[one.state]()] },
    { content: [stamp(one.oldest_unheld_at)] },
    { class: "number", content: [Number.isNaN(age_ms) ? "–" : formatSpan(age_ms)] },
    { class: "number", content: [Number.isNaN(age_ms) ? "–" : left_ms < 0 ? t("{span} past", { span: formatSpan(-left_ms) }) : formatSpan(left_ms)] },
    { content: [stamp(one.oldest_held_at)] },
    { content: [stamp(one.newest_at)] },
  ], { dataset: { id: one.id } });
}

function sweepTable(sweeps) {
  const columns = [{ title: t("Begun") }, { title: t("Outcome") }, { title: t("Claimed"), class: "number" }, { title: t("Erased"), class: "number" }, { title: t("Doubts") }];
  return table(t("Last sweeps"), columns, sweeps.map((one) => row([
    { class: "nowrap", content: [stamp(one.started_at)] },
    { content: [(OUTCOMES[one.outcome] ?? (() => chip("quiet", one.outcome)))()] },
    { class: "number", content: [formatNumber(one.claimed)] },
    { class: "number", content: [formatNumber(one.destroyed)] },
    { content: [one.doubts.map(doubtText).join(", ") || "–"] },
  ])), t("There was no sweep yet."));
}

function proofTable(proofs) {
  const columns = [{ title: t("Month") }, { title: t("Result") }, { title: t("Made") }, { title: t("Segments erased"), class: "number" }, { title: t("Looked up"), class: "number" }, { title: t("Signature") }, { title: t("Acts") }];
  return table(t("Monthly proofs"), columns, proofs.map((one) => row([
    { content: [element("strong", {}, one.month)] },
    { content: [one.result === "in-order" ? chip("ok", t("In order")) : chip("bad", tn(one.findings, "{count} finding", "{count} findings"))] },
    { class: "nowrap", content: [stamp(one.made_at)] },
    { class: "number", content: [formatNumber(one.erased)] },
    { class: "number", content: [formatNumber(one.sampled)] },
    { content: signatureOf(one) },
    { class: "acts", content: [
      textButton(t("Show"), "small", () => showProof(one.month)), download(one.month, "json", "JSON"), download(one.month, "text", t("Text")),
      ...(maySign && !isSigned(one) ? [textButton(t("Sign off"), "small primary", () => askSignature(one))] : []),
    ] },
  ], { dataset: { id: one.month } })), t("No month is over yet."));
}

function isSigned({ signatures }) {
  return signatures.some((one) => one.is_of_this);
}

/** @param {any} proof @returns {HTMLElement[]} whether its report was signed, by whom and when; or by when it must be */
function signatureOf(proof) {
  const found = proof.signatures.find((one) => one.is_of_this) ?? proof.signatures[0];
  const by = found ? line(t("{name}, {time}", { name: found.by, time: stamp(found.at) })) : null;
  if (isSigned(proof)) return [chip("ok", t("Signed")), by];
  const due = line(t("To be signed by {day}", { day: lastDayField(proof.sign_by) }));
  if (found) return [chip("bad", t("Made again after signing")), by, due];
  return [proof.is_overdue ? chip("bad", t("Not signed in time")) : chip("quiet", t("Not signed yet")), due];
}

function line(text) {
  return element("span", { class: "muted small line" }, text);
}

async function askSignature(proof) {
  const hasFindings = proof.result !== "in-order";
  const lead = hasFindings
    ? tn(proof.findings, "It has {count} finding: explain what happened. Your signature says that you have seen it, and can't be taken back.", "It has {count} findings: explain what happened. Your signature says that you have seen them, and can't be taken back.")
    : t("It is in order. Your signature says that you have seen it, and can't be taken back.");
  const signed = await askForm({
    title: t("Sign the proof of erasing of {month}", { month: proof.month }), lead,
    fields: [
      labelled(hasFindings ? t("Explanation") : t("Remark (may stay empty)"), element("textarea", { name: "remark", rows: 3, maxLength: 2000 })),
      element("p", { class: "muted small" }, t("You sign the report with this SHA-256:"), " ", element("code", { class: "mono" }, proof.sha256)),
    ],
    submitText: t("Sign off"),
    submit: (data, form) => {
      const remark = String(data.get("remark")).trim();
      if (hasFindings && remark.length < LEAST_EXPLANATION) throw new FieldError(form, "remark", t("Explain the findings in at least {least} characters.", { least: LEAST_EXPLANATION }));
      return request("POST", `/api/proofs/${proof.month}/sign`, { sha256: proof.sha256, remark: remark || null });
    },
  });
  if (!signed) return;
  notice(t("The proof is signed."));
  await load(false);
}

function download(month, form, text) {
  return element("a", { class: "button small", href: `/api/proofs/${month}/report?form=${form}`, download: "" }, text);
}

async function showProof(month) {
  try {
    const proof = await request("GET", `/api/proofs/${month}`);
    const sections = proof.sections.map(({ title, lines }) => element("section", {}, element("h3", {}, title),
      element("dl", { class: "proof-lines" }, ...lines.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]))));
    showDialog(t("Proof of erasing {month}", { month }), element("div", { class: "proof" }, ...sections, signatures(proof),
      element("p", { class: "muted small" }, t("SHA-256 of the report, also in the log:"), " ", element("code", { class: "mono" }, proof.sha256))));
  } catch (error) {
    noticeError(error);
  }
}

function signatures(proof) {
  const lines = proof.signatures.flatMap((one) => [
    element("dt", {}, t("{name}, {time}", { name: one.by, time: stamp(one.at) })),
    element("dd", {}, one.is_of_this ? null : t("Under another report than this one: the proof was made again."), one.is_of_this ? null : " ", one.remark ?? (one.is_of_this ? t("No remark") : null)),
  ]);
  return element("section", {}, element("h3", {}, t("Signature")),
    lines.length ? element("dl", { class: "proof-lines" }, ...lines) : element("p", {}, t("To be signed by {day}", { day: lastDayField(proof.sign_by) })));
}

function age(at, since) {
  return formatSpan(parseInstant(at) - parseInstant(since));
}

function stamp(at) {
  return at ? formatStamp(parseInstant(at)) : "–";
}

await load(false);
setInterval(() => !document.hidden && load(true), POLL_MS);
