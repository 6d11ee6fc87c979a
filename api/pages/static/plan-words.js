/** What pages say of plans: states, problems, changes, areas. */

import { chip } from "./data-table.js";
import { formatNumber, t } from "./i18n.js";

/** @param {string} state */
export function stateChip(state) {
  const chips = {
    draft: () => chip("warn", t("Waits for a second person")),
    refused: () => chip("quiet", t("Refused")),
    approved: () => chip("ok", t("Counts now")),
    withdrawn: () => chip("quiet", t("Replaced")),
  };
  return (chips[state] ?? (() => chip("quiet", state)))();
}

/** @param {{code: string, mask: string | null, place: string, point: number | null}} problem */
export function problemText({ code, mask, place, point }) {
  const name = mask ?? place;
  const texts = {
    crosses: () => t("{name}: the outline crosses itself. Move the marked point, or draw it again.", { name }),
    "few-points": () => t("{name}: fewer than three points. Draw at least a triangle.", { name }),
    "too-small": () => t("{name}: no area. Draw it larger or remove it.", { name }),
    doubled: () => t("{name}: passes twice through one point. Remove the doubled point.", { name }),
    opposite: () => t("{name}: an edge reaches half round the camera. Put a point between.", { name }),
    half: () => t("{name}: covers about half of everything, so that its inside is not clear. Split it.", { name }),
    outside: () => t("{name}: lies wholly outside of the picture. Draw it over the picture or remove it.", { name }),
    empty: () => t("There is no mask. Draw at least one."),
    format: () => t("{name}: can't be read at {place}. Check names (each only once) and numbers.", { name, place }),
  };
  const text = (texts[code] ?? texts.format)();
  return point === null ? text : t("{text} (point {number})", { text, number: point + 1 });
}

/** @param {string} reason */
export function looseningText(reason) {
  const texts = {
    "less-masked": () => t("Something that is hidden now would be shown."),
    "nothing-masked": () => t("Nothing would be masked any more: the picture is passed on as it is."),
    accuracy: () => t("A stated accuracy is tighter, so that all masks get a smaller margin."),
    "camera-model": () => t("Optics or picture size are others: the same masks land elsewhere in the picture."),
    kind: () => t("The plan is of another kind; its masks can't be compared."),
  };
  return (texts[reason] ?? (() => reason))();
}

/** @param {string} change */
export function changeChip(change) {
  const chips = {
    added: () => chip("ok", t("added")),
    enlarged: () => chip("ok", t("enlarged")),
    moved: () => chip("bad", t("moved")),
    reduced: () => chip("bad", t("reduced")),
    removed: () => chip("bad", t("removed")),
    renamed: () => chip("quiet", t("renamed")),
    unchanged: () => chip("quiet", t("unchanged")),
  };
  return (chips[change] ?? (() => chip("quiet", change)))();
}

/** @param {number} area @param {string} unit `deg2` or `picture` */
export function areaText(area, unit) {
  if (unit === "picture") return `${shownAmount(area * 100, area && area < 0.01 ? 2 : 1)} %`;
  return `${shownAmount(area, area && area < 1 ? 3 : 1)} °²`;
}

/** What is there but rounds to nothing is not nothing. */
function shownAmount(value, digits) {
  const least = 10 ** -digits;
  return value > 0 && value < least / 2 ? `< ${formatNumber(least, digits)}` : formatNumber(value, digits);
}

/** Where a mask comes from. */
export function originText(origin) {
  if (!origin) return t("drawn by hand");
  if (origin.register_id) return t("building register {id}", { id: origin.register_id });
  return t("from a file");
}
