/** The commissioning picture behind the drawing, where this person has one open for this camera: shown on request, wiped with the page. */

import { me, request } from "./api.js";
import "./commissioning-picture.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";

/**
 * @param {HTMLElement} slot
 * @param {string} placementId
 * @param {(backdrop: any | null) => void} show gets each picture, and null when the view is over
 */
export async function offerPicture(slot, placementId, show) {
  const { user, allowed } = await me();
  if (!allowed.includes("commissioning.request")) return;
  const leaves = await request("GET", "/api/commissioning");
  const leave = leaves.find(({ state, placement, requested_by: by }) => state === "approved" && placement.id === placementId && by.id === user.id);
  if (!leave) {
    slot.replaceChildren(element("p", { class: "muted small" }, element("a", { href: "/commissioning" }, t("Ask for a view of this camera to draw on")), " ",
      t("A second person decides.")));
    return;
  }
  const picture = /** @type {any} */ (document.createElement("commissioning-picture"));
  const open = element("button", { type: "button", class: "danger", on: { click: () => {
    slot.replaceChildren(picture);
    picture.open(leave);
  } } }, t("Draw on the unblanked picture"));
  picture.addEventListener("backdrop", (event) => show(event.detail.still ? event.detail : null));
  picture.addEventListener("over", () => {
    show(null);
    slot.replaceChildren(open);
  });
  slot.replaceChildren(open);
}
