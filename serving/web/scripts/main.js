// Puts the parts of the page together; everything else is in the modules named here.

import { byId, element, fill } from "./dom.js";
import { startEngineer } from "./engineer.js";
import { refresh, startHome } from "./home.js";
import { drawMoment } from "./moment.js";
import { offerOnboarding } from "./onboarding.js";
import { resume, session } from "./session.js";
import { on } from "./signals.js";
import { drawTools } from "./tools.js";
import { clock, COMPANIONS, DEVICES, viewerName } from "./words.js";

resume();
drawMoment();
drawTools();
startEngineer();
startHome();
on("viewer", () => {
  scrollTo(0, 0);
  refresh(`This is the page of ${viewerName(session)}`);
});
on("settings", ({ moment }) => refresh(moment ? momentInWords(moment) : "The page is made in another way"));
on("controls", refresh);
on("answer", refresh);
on("page", (page) => {
  offerOnboarding(page);
  fill(byId("foot"), `Model ${page.model_version} · `, element("a", { href: "docs" }, "the interface"));
});
refresh();

function momentInWords({ device, companions, hour }) {
  return `${DEVICES[device]}, ${COMPANIONS[companions].toLowerCase()}, ${clock(hour)}`;
}
