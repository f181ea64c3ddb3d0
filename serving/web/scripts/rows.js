// The rows of the page: a heading, the reason, and cards that scroll sideways.

import { card } from "./card.js";
import { element } from "./dom.js";
import { icon } from "./icons.js";
import { isCalm } from "./roving.js";

const WIDE = new Set(["continue_watching"]);
const RANKED = new Set(["trending", "trending_now"]);

/** Row nodes of a page, and its slots as pairs of node and slot. `known` holds the item ids of the page before. */
export function rowNodes(page, known, handlers) {
  const slots = [];
  const nodes = page.rows.map((row, place) => {
    const [node, own] = rowNode(row, place + 1, page, known, handlers);
    slots.push(...own);
    return node;
  });
  return [nodes, slots];
}

/** How far each row is scrolled, by row id. */
export function scrolled(rows) {
  return new Map([...rows.querySelectorAll(".strip")].map((strip) => [strip.dataset.row, strip.scrollLeft]));
}

export function scrollBack(rows, before) {
  for (const strip of rows.querySelectorAll(".strip")) strip.scrollLeft = before.get(strip.dataset.row) || 0;
}

function rowNode(row, rowPos, page, known, handlers) {
  const heading = `row-${rowPos}`;
  const strip = element("ul", { class: "strip", role: "list", data: { row: row.row_id } });
  const slots = row.items.map((item, column) => {
    const slot = { item, rowId: row.row_id, rowType: row.template, rowPos, page, reason: row.reason, rowTitle: row.title };
    const marks = { isFirst: column === 0, isNew: known && !known.has(item.item_id), isWide: WIDE.has(row.template), rank: RANKED.has(row.template) && column < 10 ? column + 1 : 0 };
    const node = card(slot, marks, handlers);
    strip.append(node);
    return [node, slot];
  });
  const node = element(
    "section",
    { class: "row", "aria-labelledby": heading, data: { template: row.template } },
    element("div", { class: "row-head" }, element("h2", { id: heading }, row.title), row.pinned && element("span", { class: "pin" }, "pinned"), row.reason && element("p", { class: "why" }, row.reason), element("span", { class: "row-figures", "aria-hidden": "true" }, `${row.template} · ${row.score.toFixed(3)}`)),
    element("div", { class: "strip-frame" }, strip, pager(strip, -1), pager(strip, 1)),
  );
  return [node, slots];
}

/** A button for the mouse; keys and fingers have other ways, so it stays out of the tab order. */
function pager(strip, direction) {
  const turn = () => strip.scrollBy({ left: direction * strip.clientWidth * 0.86, behavior: isCalm() ? "auto" : "smooth" });
  return element("button", { type: "button", class: direction < 0 ? "pager before" : "pager after", tabindex: "-1", "aria-hidden": "true", click: turn }, icon(direction < 0 ? "left" : "right"));
}
