/** Who has a camera, since when and until when, in words. */

import { formatClock, parseInstant } from "./civil-time.js";
import { t } from "./i18n.js";

/**
 * @typedef {{name: string, is_own: boolean, since_at: string, until_at: string}} Control
 * @param {Control} control
 */
export function controlText({ name, is_own: isOwn, since_at: since, until_at: until }) {
  const times = { since: formatClock(parseInstant(since)), until: formatClock(parseInstant(until)) };
  return isOwn ? t("You have the control since {since}, until {until} if you do nothing more", times) : t("{name} has the control since {since}, until {until} if nothing more is done", { name, ...times });
}
