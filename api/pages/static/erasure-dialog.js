/** Ask for an early erasure: what and why, then exactly what would go and what would stay, then the request. */

import { request } from "./api.js";
import { erasureGrounds } from "./choices.js";
import { HOUR_MS, isoInstant, MINUTE_MS } from "./civil-time.js";
import { askForm, FieldError, labelled, select } from "./dialog.js";
import { element } from "./dom.js";
import { t, tn } from "./i18n.js";
import { readSpan, spanFields } from "./span-fields.js";

/**
 * @param {any[]} placements all that may be chosen
 * @param {number} now_ms the server's clock
 * @returns {Promise<any>} what the server answered, or null
 */
export async function askErasure(placements, now_ms) {
  const wanted = await askForm({
    title: t("Ask for early erasure"),
    lead: t("This can't be undone. A second person must approve it before anything is erased."),
    fields: [
      labelled(t("Ground"), select("ground", erasureGrounds())),
      labelled(t("Reason"), element("textarea", { name: "reason", maxLength: 1000 }), t("What is wrong with this footage, or who ordered it to go. No names.")),
      ...spanFields(placements, [], now_ms - HOUR_MS, now_ms - 2 * MINUTE_MS),
    ],
    submitText: t("Look what would go"),
    async submit(data, form) {
      const body = readForm(data, form, now_ms);
      return { body, found: await request("GET", `/api/erasures/preview?${previewQuery(body)}`) };
    },
  });
  if (!wanted) return null;
  return askForm({
    title: t("Ask to erase this?"),
    fields: [previewTable(wanted.found, placements)],
    submitText: t("Ask a second person"),
    danger: true,
    submit: () => request("POST", "/api/erasures", wanted.body),
  });
}

/** @param {any[]} found what the API says of each camera @param {any[]} placements */
export function previewTable(found, placements) {
  return element("ul", {}, ...found.map((one) => {
    const name = placements.find(({ id }) => id === one.placement_id)?.name ?? one.placement_id;
    const lines = [tn(one.erasable, "{count} minute goes", "{count} minutes go")];
    if (one.held) {
      const cases = one.case_numbers.length ? ` (${one.case_numbers.join(", ")})` : "";
      lines.push(tn(one.held, "{count} minute stays, secured", "{count} minutes stay, secured") + cases);
    }
    if (one.writing) lines.push(t("what is being recorded now stays"));
    if (one.gone) lines.push(tn(one.gone, "{count} minute is gone already", "{count} minutes are gone already"));
    return element("li", {}, element("strong", {}, name), `: ${lines.join("; ")}.`);
  }));
}

function previewQuery(body) {
  const query = new URLSearchParams({ from: body.from, to: body.to });
  for (const id of body.placement_ids) query.append("placement_id", id);
  return query;
}

function readForm(data, form, now_ms) {
  const reason = String(data.get("reason")).trim();
  if (!reason) throw new FieldError(form, "reason", t("Say why this footage must go."));
  const { placementIds, from_ms, to_ms } = readSpan(data, form, now_ms);
  return { ground: String(data.get("ground")), reason, placement_ids: placementIds, from: isoInstant(from_ms), to: isoInstant(to_ms) };
}
