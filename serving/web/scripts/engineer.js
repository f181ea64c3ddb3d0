// The panel for engineers: how the page in view came about, and what was sent back.

import { startCompare } from "./compare.js";
import { byId, element, fill } from "./dom.js";
import { icon } from "./icons.js";
import { change, session } from "./session.js";
import { on } from "./signals.js";

const STRATEGIES = ["template", "independent", "stagewise", "whole"];
const KERNELS = ["geometric", "grid", "l_pattern"];
const MOST_EVENTS = 14;

const parts = {};
let sent = [];

/** Build the panel once; it follows pages, events and the slot looked at. */
export function startEngineer() {
  for (const name of ["request", "stages", "slot", "rows", "events"]) parts[name] = element("div", { class: `part ${name}` });
  fill(
    byId("engineer"),
    element("div", { class: "engineer-head" }, element("h2", {}, "Under the hood"), element("button", { type: "button", class: "round small", "aria-label": "Close the panel", click: () => toggleEngineer(false) }, icon("close"))),
    section("Request", parts.request),
    section("How the page is made", making()),
    section("Stages", parts.stages),
    section("Slot looked at", parts.slot),
    section("Rows", parts.rows),
    section("Side by side", startCompare()),
    section("Events sent", parts.events),
  );
  on("page", drawPage);
  on("slot", drawSlot);
  on("event", drawEvents);
  fill(parts.slot, element("p", { class: "small" }, "Point at a title or move the focus onto it."));
  fill(parts.events, element("p", { class: "small" }, "Nothing yet."));
}

export function toggleEngineer(isOpen = byId("engineer").hidden) {
  byId("engineer").hidden = !isOpen;
  document.body.classList.toggle("is-engineering", isOpen);
  const opener = byId("engineer-opener");
  opener.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) opener.focus();
}

function section(heading, content) {
  return element("section", {}, element("h3", {}, heading), content);
}

function making() {
  const select = (name, label, options) => {
    const node = element("select", { change: () => change({ [name]: node.value }) }, ...options.map((value) => element("option", { value, selected: session[name] === value }, value)));
    return element("label", {}, label, node);
  };
  const seed = element("input", { type: "number", min: 0, max: 2 ** 31, value: session.seed, change: () => change({ seed: Math.max(0, Math.trunc(Number(seed.value)) || 0) }) });
  return element("div", { class: "making" }, select("strategy", "Strategy", STRATEGIES), select("attention", "Attention", KERNELS), element("label", {}, "Seed", seed));
}

function drawPage(page) {
  const serverMs = page.stages.reduce((sum, stage) => sum + stage.ms, 0);
  fill(parts.request, pairs({ model: page.model_version, request: page.request_id, viewer: page.user_id ?? "none", "in the stages": `${serverMs.toFixed(2)} ms`, "in the browser": `${page.wallMs.toFixed(1)} ms`, titles: page.rows.reduce((sum, row) => sum + row.items.length, 0), degraded: page.degraded ? "yes: a simpler order" : "no", autoplay: `previews ${page.autoplay.previews ? "on" : "off"}, next episode ${page.autoplay.next_episode ? "on" : "off"} with chance ${page.autoplay.propensity.toFixed(3)}: ${page.autoplay.reason}` }));
  fill(parts.stages, stagesTable(page.stages));
  fill(parts.rows, table(["#", "template", "score", "titles"], page.rows.map((row, place) => [place + 1, row.template, row.score.toFixed(4), row.items.length])));
}

function stagesTable(stages) {
  const slowest = Math.max(...stages.map((stage) => stage.ms), 1e-9);
  const rows = stages.map(({ name, kept, removed, ms }) => [name, kept, removed, element("span", { class: "time-bar", variables: { share: `${(100 * ms) / slowest}%` } }, ms.toFixed(3))]);
  return table(["stage", "kept", "removed", "ms"], rows);
}

function drawSlot({ item, rowId, rowType, rowPos }) {
  fill(parts.slot, pairs({ title: item.title, item: item.item_id, place: `row ${rowPos} (${rowId}), column ${item.position}`, template: rowType, score: item.score.toFixed(5), propensity: item.propensity.toFixed(4), variant: item.variant.id, preview: item.preview ? `${item.preview.plays ? "plays" : "still"}, chance ${item.preview.propensity.toFixed(4)}: ${item.preview.reason}` : "none", artwork: item.variant.artwork || "drawn from the title", line: item.variant.line || "none", action: item.call_to_action }));
}

function drawEvents(batch) {
  sent = [...batch.map((event) => [new Date(event.ts_ms).toTimeString().slice(0, 8), event.event, event.item_id || "", event.row_id ? `${event.row_pos}/${event.col_pos}` : ""]), ...sent].slice(0, MOST_EVENTS);
  fill(parts.events, table(["time", "event", "item", "slot"], sent));
}

function pairs(values) {
  return element("dl", { class: "pairs" }, ...Object.entries(values).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
}

/** A table of texts, numbers and nodes. */
export function table(heads, rows) {
  return element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell instanceof Node ? cell : String(cell)))))));
}
