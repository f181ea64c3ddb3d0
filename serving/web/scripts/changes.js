// What a new page does differently, in words: on the page for a while, and for screen readers.

import { byId, element, fill } from "./dom.js";
import { icon } from "./icons.js";
import { listed, plural } from "./words.js";

const SHOWN_MS = 14000;
const MOST_LINES = 5;

let timer = 0;

/** Sentences on how `after` differs from `before`. */
export function differences(before, after) {
  if (!before) return [];
  const lines = [featured(before, after), ...rowChanges(before, after), titleChanges(before, after)];
  return lines.filter(Boolean);
}

/** Item ids of a page. */
export function itemsOf(page) {
  const featuredItem = page.billboard ? [page.billboard.item] : [];
  return new Set([...featuredItem, ...page.rows.flatMap((row) => row.items)].map((item) => item.item_id));
}

/** Show what happened and what changed. */
export function tell(happened, lines) {
  const shown = lines.length ? lines.slice(0, MOST_LINES) : ["The page stays as it is."];
  fill(
    byId("changes"),
    element("div", { class: "changes-head" }, element("h2", {}, happened), element("button", { type: "button", class: "round small", "aria-label": "Close what changed", click: hide }, icon("close"))),
    element("ul", {}, ...shown.map((line) => element("li", {}, line))),
  );
  hide();
  byId("changes").showPopover();
  say(`${happened}. ${shown.slice(0, 3).join(" ")}`);
  clearTimeout(timer);
  timer = setTimeout(hideUnlessUsed, SHOWN_MS);
}

/** Lay the note over a dialog that has just opened. */
export function raiseChanges() {
  if (!isShown()) return;
  hide();
  byId("changes").showPopover();
}

/** Words for screen readers alone. */
export function say(words) {
  byId("live").textContent = words;
}

/** Take the note away. */
export function hide() {
  if (isShown()) byId("changes").hidePopover();
}

function isShown() {
  return byId("changes").matches(":popover-open");
}

function hideUnlessUsed() {
  if (byId("changes").matches(":hover, :focus-within")) timer = setTimeout(hideUnlessUsed, SHOWN_MS / 4);
  else hide();
}

function featured(before, after) {
  const [old, now] = [before.billboard?.item, after.billboard?.item];
  if (!now || old?.item_id === now.item_id) return null;
  return `Featured now: ${now.title}${old ? `, before ${old.title}` : ""}.`;
}

function rowChanges(before, after) {
  const [old, now] = [placesOf(before), placesOf(after)];
  const titlesOf = (page, ids) => page.rows.filter((row) => ids.has(row.row_id)).map((row) => `“${row.title}”`);
  const fresh = new Set([...now.keys()].filter((id) => !old.has(id)));
  const gone = new Set([...old.keys()].filter((id) => !now.has(id)));
  const common = [...now.keys()].filter((id) => old.has(id));
  const order = [...common].sort((a, b) => old.get(a) - old.get(b));
  const risen = common.filter((id, place) => order.indexOf(id) > place).slice(0, 2);
  return [
    fresh.size && `New: ${listed(titlesOf(after, fresh).slice(0, 3))}.`,
    gone.size && `Gone: ${listed(titlesOf(before, gone).slice(0, 3))}.`,
    ...risen.map((id) => `${titlesOf(after, new Set([id]))} moved up from row ${old.get(id) + 1} to row ${now.get(id) + 1}.`),
  ];
}

function titleChanges(before, after) {
  const [old, now] = [itemsOf(before), itemsOf(after)];
  const fresh = [...now].filter((id) => !old.has(id)).length;
  const moved = after.rows.filter((row) => orderOf(row) !== orderOf(before.rows.find((each) => each.row_id === row.row_id))).length;
  if (fresh) return `${plural(fresh, "title is", "titles are")} new on the page, ${now.size - fresh} stay.`;
  return moved ? `Same titles, ${plural(moved, "row is", "rows are")} in another order.` : null;
}

function orderOf(row) {
  return row ? row.items.map((item) => item.item_id).join() : "";
}

function placesOf(page) {
  return new Map(page.rows.map((row, place) => [row.row_id, place]));
}
