// The featured title on top of the page.

import { isListed } from "./acts.js";
import { drawn } from "./card.js";
import { byId, element, fill } from "./dom.js";
import { icon } from "./icons.js";
import { wideArtwork } from "./poster.js";
import { facts } from "./words.js";

const SIGNS = { "Add to list": "plus" };

/** Draw it; returns its node and slot, or nothing where the page features no title. */
export function drawBillboard(page, handlers) {
  const node = byId("billboard");
  node.hidden = !page.billboard;
  if (!page.billboard) return [];
  node.classList.toggle("is-previewing", Boolean(page.billboard.item.preview?.plays));
  const { item, reason, row_id: rowId } = page.billboard;
  const slot = { item, rowId, rowType: "billboard", rowPos: 0, page, reason, rowTitle: "Featured" };
  fill(node, element("div", { class: "billboard-art" }, wideArtwork(drawn(item))), words(slot, handlers));
  return [[node, slot]];
}

/** What lies over the first row for the arrow keys. */
export function billboardEntry() {
  return byId("billboard").querySelector("button");
}

function words(slot, handlers) {
  const { item, reason } = slot;
  return element(
    "div",
    { class: "billboard-words" },
    reason && element("p", { class: "eyebrow" }, reason),
    element("h1", {}, item.title),
    element("p", { class: "facts" }, facts(item, 3)),
    item.variant.line && element("p", { class: "line" }, item.variant.line),
    element("div", { class: "buttons" }, ...buttons(slot, handlers)),
    element("p", { class: "figures", "aria-hidden": "true" }, `score ${item.score.toFixed(3)} · variant ${item.variant.id} · p ${item.propensity.toFixed(2)}`),
  );
}

function buttons(slot, { act, open, look }) {
  const { call_to_action: callToAction, item_id: itemId } = slot.item;
  const isOnList = isListed(slot);
  const first = callToAction === "Add to list" ? "add" : "play";
  const button = (key, label, sign, click, kind = "") => element("button", { type: "button", class: `button ${kind}`, data: { key: `billboard|${key}` }, click, focus: () => look(slot) }, icon(sign), label);
  return [
    button("first", callToAction, SIGNS[callToAction] || "play", () => (first === "play" ? act("play", slot) : act(first, slot)), "first"),
    button("info", "More about it", "info", () => open(slot)),
    first !== "add" && button("list", isOnList ? "On your list" : "Add to list", isOnList ? "check" : "plus", () => act(isOnList ? "remove" : "add", slot)),
    element("span", { class: "unseen", data: { item: itemId } }),
  ];
}
