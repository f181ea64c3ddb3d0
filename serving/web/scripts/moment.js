// The moment the page is made for: device, company, hour.

import { byId, element, fill } from "./dom.js";
import { icon } from "./icons.js";
import { change, session } from "./session.js";
import { clock, COMPANIONS, DEVICES } from "./words.js";

const SETTLE_MS = 250;

let timer = 0;

export function drawMoment() {
  const { hour } = session.moment;
  const sign = element("span", { class: "sign", "aria-hidden": "true" });
  const shown = element("output", { for: "hour", class: "hour" });
  const slider = element("input", { id: "hour", type: "range", min: 0, max: 23, value: hour, "aria-label": "Hour", input: () => tell(slider, shown, sign), change: () => choose({ hour: Number(slider.value) }) });
  tell(slider, shown, sign);
  fill(byId("moment"), choice("device", "Device", DEVICES), choice("companions", "Company", COMPANIONS), element("span", { class: "time" }, sign, slider, shown));
  byId("moment").addEventListener("submit", (event) => event.preventDefault());
}

function choice(name, label, options) {
  const select = element("select", { name, id: name, "aria-label": label, change: () => choose({ [name]: select.value }) }, ...Object.entries(options).map(([value, words]) => element("option", { value, selected: session.moment[name] === value }, words)));
  return select;
}

function tell(slider, shown, sign) {
  const hour = Number(slider.value);
  shown.value = clock(hour);
  slider.setAttribute("aria-valuetext", clock(hour));
  fill(sign, icon(hour >= 7 && hour < 19 ? "sun" : "moon"));
}

/** A slider moved by keys changes often: only where it comes to rest is asked for. */
function choose(part) {
  const moment = { ...session.moment, ...part };
  session.moment = moment;
  clearTimeout(timer);
  timer = setTimeout(() => change({ moment }), SETTLE_MS);
}
