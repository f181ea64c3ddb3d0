// The buttons at the right of the header.

import { openControls } from "./controls.js";
import { byId, element, fill } from "./dom.js";
import { toggleEngineer } from "./engineer.js";
import { icon } from "./icons.js";
import { openProfile } from "./profile.js";
import { schemeButton } from "./scheme.js";
import { session } from "./session.js";
import { on } from "./signals.js";
import { face, openViewers } from "./viewers.js";
import { viewerName } from "./words.js";

export function drawTools() {
  const viewer = element("button", { type: "button", class: "viewer", id: "viewer-opener", click: openViewers });
  const name = () => fill(viewer, face(session.userId, session.isGuest), element("span", { class: "viewer-name" }, element("span", { class: "unseen" }, "Viewer: "), viewerName(session)));
  name();
  on("viewer", name);
  fill(
    byId("tools"),
    viewer,
    round("profile-opener", "How this viewer watches", "chart", openProfile),
    round("controls-opener", "Your controls", "gear", openControls),
    schemeButton(),
    round("engineer-opener", "Under the hood: the panel for engineers", "wrench", () => toggleEngineer(), { "aria-expanded": "false", "aria-controls": "engineer" }),
  );
}

function round(id, label, sign, click, more = {}) {
  return element("button", { type: "button", class: "round", id, "aria-label": label, title: label, click, ...more }, icon(sign));
}
