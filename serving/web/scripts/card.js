// One slot of a row: artwork, a caption, and quick acts for those who point.

import { isListed } from "./acts.js";
import { element } from "./dom.js";
import { icon } from "./icons.js";
import { poster, wideArtwork } from "./poster.js";
import { facts, percent } from "./words.js";

/** A list item; `handlers` are `open(slot)`, `act(name, slot)`, `look(slot)`; `marks` say new, rank, wide, first. */
export function card(slot, marks, handlers) {
  const { item, rowId } = slot;
  const opener = element(
    "button",
    { type: "button", class: "card", tabindex: marks.isFirst ? "0" : "-1", data: { key: `card|${rowId}|${item.item_id}`, row: rowId, column: item.position, item: item.item_id }, click: () => handlers.open(slot), focus: () => handlers.look(slot), pointerenter: () => handlers.look(slot) },
    frame(item, marks),
    caption(item, marks),
  );
  const classes = ["slot", item.preview?.plays && "is-previewing", marks.isWide && "is-wide", marks.isNew && "is-new", marks.rank && "is-ranked"].filter(Boolean).join(" ");
  return element("li", { class: classes }, marks.rank && element("span", { class: "rank", "aria-hidden": "true" }, String(marks.rank)), opener, quick(slot, handlers));
}

function frame(item, marks) {
  const art = drawn(item);
  return element(
    "span",
    { class: "frame" },
    marks.isWide ? wideArtwork(art, 320, 180) : poster(art),
    marks.isWide && element("span", { class: "hold", "aria-hidden": "true" }, icon("play")),
    marks.isNew && element("span", { class: "tag" }, "New here"),
    item.progress !== null && item.progress !== undefined && element("span", { class: "progress", variables: { share: `${100 * Math.min(1, item.progress)}%` } }),
    element("span", { class: "figures", "aria-hidden": "true" }, `score ${item.score.toFixed(3)}`, element("br"), `variant ${item.variant.id.slice(-14)} · p ${item.propensity.toFixed(2)}`),
  );
}

function caption(item, { isWide }) {
  const progress = item.progress ? `${percent(item.progress)} watched` : "";
  return element(
    "span",
    { class: "caption" },
    element("span", { class: isWide ? "name" : "name unseen" }, item.title),
    element("span", { class: "unseen" }, `, ${item.call_to_action}. `),
    element("span", { class: "meta" }, isWide && progress ? progress : facts({ year: item.year, minutes: item.minutes }) || item.genres.join(", ") || item.call_to_action),
  );
}

/** What the artwork is drawn from. */
export function drawn(item) {
  return { title: item.title || item.item_id, artwork: item.variant ? item.variant.artwork : item.artwork, genres: item.genres };
}

function quick(slot, { act }) {
  const { title } = slot.item;
  const shown = [
    ["play", `Play ${title}`, "play"],
    isListed(slot) ? ["remove", `Take ${title} off your list`, "check"] : ["add", `Add ${title} to your list`, "plus"],
    ["thumbUp", `I like ${title}`, "up"],
    ["notInterested", `Not interested in ${title}`, "no"],
  ];
  return element("span", { class: "quick" }, ...shown.map(([name, label, sign]) => element("button", { type: "button", class: "round small", tabindex: "-1", "aria-label": label, title: label, click: () => act(name, slot) }, icon(sign))));
}
