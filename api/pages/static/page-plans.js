/** Masks: cameras with the state of their plans, versions, drawing, and the second person's decision. The address says which. */

import { me, request } from "./api.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";
import { PlanEditor } from "./plan-editor.js";
import { PlanComparisonPage } from "./plan-compare.js";
import { showCameras } from "./plans-list.js";
import { showVersions } from "./plan-versions.js";
import { allowedActions } from "./shell.js";

const place = document.getElementById("plans");
const allowed = allowedActions(place);
const asked = new URLSearchParams(location.search);

async function show() {
  const [cameras, person] = await Promise.all([request("GET", "/api/plans"), me()]);
  const camera = cameras.find(({ id }) => id === asked.get("camera"));
  if (!asked.has("camera")) return showCameras(place, cameras, allowed);
  if (!camera) throw new Error(t("This camera is no longer here. Reload the page."));
  const path = `/api/placements/${encodeURIComponent(camera.id)}/plans`;
  const versions = await request("GET", path);
  if (asked.has("compare")) {
    const [before, after] = asked.get("compare").split("-").map(Number);
    return new PlanComparisonPage(place, { camera, path, versions, allowed, ownId: person.user.id }).open(before || null, after);
  }
  if (asked.has("draw") && allowed.has("plan.draft")) {
    return new PlanEditor(place, { camera, path, versions }).open(Number(asked.get("draw")) || null, asked.has("remeasured"));
  }
  return showVersions(place, { camera, versions, allowed, ownId: person.user.id });
}

try {
  await show();
} catch (error) {
  place.replaceChildren(element("div", { class: "page" }, element("p", { class: "empty" }, error.message)));
} finally {
  place.setAttribute("aria-busy", "false");
}
