// A title in detail: why it is here, everything one can do with it, the pretended player, and titles like it.

import { ACTS, isListed } from "./acts.js";
import { askSimilar } from "./api.js";
import { drawn } from "./card.js";
import { closeDialog, openDialog } from "./dialog.js";
import { byId, element, fill } from "./dom.js";
import { icon } from "./icons.js";
import { poster, wideArtwork } from "./poster.js";
import { block, removeFromRow } from "./controls.js";
import { later } from "./tracking.js";
import { facts, lowered, percent } from "./words.js";

const NUM_SIMILAR = 8;
const STAYS_OPEN = new Set(["thumbUp", "thumbDown", "add", "remove"]);

/** Open the dialog on a slot; `act(name, slot)` does things, `isPlaying` opens the player. */
export function openTitle(slot, { act, isPlaying = false }) {
  const dialog = openDialog("title", slot.item.title, ...content(slot, act, isPlaying));
  dialog.classList.toggle("is-playing", isPlaying);
  dialog.querySelector(".buttons button")?.focus();
  if (!isPlaying) later("detail", slot);
  showSimilar(slot, act);
}

function content(slot, act, isPlaying) {
  const { item } = slot;
  return [
    element("div", { class: "sheet-art" }, wideArtwork(drawn(item), 960, 420), isPlaying && element("p", { class: "playing" }, element("span", { class: "pulse", "aria-hidden": "true" }), "Playing. What happens next?")),
    element("p", { class: "facts" }, facts(item, 4)),
    item.variant.line && element("p", { class: "line" }, item.variant.line),
    isPlaying ? player(slot, act) : element("div", {}, choices(slot, act)),
    why(slot),
    element("section", { class: "similar", "aria-labelledby": "similar-name", hidden: true }, element("h3", { id: "similar-name" }, "More like this"), element("ul", { role: "list" })),
  ];
}

function why({ item, reason, rowTitle, rowPos, page }) {
  const place = rowPos ? `It stands in “${rowTitle}”, place ${item.position + 1}.` : page && "It is the featured title.";
  return element(
    "section",
    { class: "why-this", "aria-labelledby": "why-name" },
    element("h3", { id: "why-name" }, "Why this?"),
    element("p", {}, [reason && `${reason}${/[.!?]$/.test(reason) ? "" : "."}`, place].filter(Boolean).join(" ")),
    page && element("p", { class: "small" }, `Appeal in this moment ${percent(item.score)}. This artwork and line were drawn with chance ${percent(item.propensity)} among the title's ways to present itself.${previewWords(item)}`),
  );
}

function previewWords({ preview }) {
  return preview ? ` Its preview ${preview.plays ? "plays" : "stays still"}: ${lowered(preview.reason)}.` : "";
}

function choices(slot, act) {
  const progress = slot.item.progress;
  const lists = isListed(slot) ? "remove" : "add";
  return [
    progress ? element("p", { class: "watched" }, element("span", { class: "progress", variables: { share: `${100 * progress}%` } }), `${percent(progress)} watched`) : null,
    element("div", { class: "buttons" }, button("play", slot, act, slot.item.call_to_action === "Add to list" ? "Play" : slot.item.call_to_action, "first"), button(lists, slot, act)),
    element("div", { class: "buttons minor", role: "group", "aria-label": "Your opinion" }, button("thumbUp", slot, act), button("thumbDown", slot, act), button("notInterested", slot, act), slot.rowPos ? taker("removeFromRow", "Remove from this row", "row", slot, removeFromRow) : null, taker("block", "Never show again", "close", slot, block), button("forget", slot, act)),
  ];
}

function player(slot, act) {
  const autoplay = slot.page?.autoplay;
  const next = autoplay && element("p", { class: "small" }, `Afterwards the next episode ${autoplay.next_episode ? "starts by itself" : "waits for you"}: ${lowered(autoplay.reason)}.`);
  return element("div", { class: "player" }, buttons(slot, act), next);
}

function buttons(slot, act) {
  return element("div", { class: "buttons", role: "group", "aria-label": "What happens next" }, button("finish", slot, act, undefined, "first"), button("pause", slot, act), button("abandon", slot, act));
}

function button(name, slot, act, label = ACTS[name].label, kind = "") {
  return element("button", { type: "button", class: `button ${kind}`, data: { act: name }, click: () => perform(name, slot, act) }, icon(ACTS[name].icon), label);
}

async function perform(name, slot, act) {
  if (name !== "play" && !STAYS_OPEN.has(name)) closeDialog("title");
  await act(name, slot);
  if (!STAYS_OPEN.has(name)) return;
  for (const each of byId("title").querySelectorAll(`[data-act="${name}"]`)) each.setAttribute("aria-pressed", "true");
  if (name === "add" || name === "remove") swapListButton(slot, act);
}

function swapListButton(slot, act) {
  const old = byId("title").querySelector('[data-act="add"], [data-act="remove"]');
  const fresh = button(isListed(slot) ? "remove" : "add", slot, act);
  old?.replaceWith(fresh);
  fresh.focus();
}

/** A button that changes the viewer's controls instead of sending an event. */
function taker(name, label, sign, slot, take) {
  const click = () => {
    closeDialog("title");
    take(slot);
  };
  return element("button", { type: "button", class: "button", data: { act: name }, click }, icon(sign), label);
}

async function showSimilar(slot, act) {
  const found = await askSimilar(slot.item.item_id, NUM_SIMILAR).catch(() => null);
  const section = byId("title").querySelector(".similar");
  if (!found?.items.length || !section || byId("title-name").textContent !== slot.item.title) return;
  const items = found.items.map((itemId, place) => ({ item_id: itemId, title: found.titles[place] || itemId }));
  fill(section.querySelector("ul"), ...items.map((item) => element("li", {}, similarCard(item, slot, act))));
  section.hidden = false;
}

/** A title found by likeness: it stood in no row, so its events name none. */
function similarCard({ item_id: itemId, title }, origin, act) {
  const known = origin.page && [origin.page.billboard?.item, ...origin.page.rows.flatMap((row) => row.items)].find((each) => each?.item_id === itemId);
  const item = known || { item_id: itemId, title, genres: [], variant: { id: "", artwork: "", line: "" }, call_to_action: "Play", score: 0, propensity: 0, position: 0 };
  const slot = { item, rowId: "", rowType: "", rowPos: 0, page: null, reason: `Like ${origin.item.title}`, rowTitle: "" };
  return element("button", { type: "button", class: "mini", click: () => openTitle(slot, { act }) }, element("span", { class: "frame" }, poster(drawn(item))), element("span", { class: "unseen" }, title));
}
