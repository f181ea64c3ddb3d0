// The page in view: asks for it, draws it, keeps focus and places, and says what changed.

import { ACTS } from "./acts.js";
import { askPage, useKey } from "./api.js";
import { billboardEntry, drawBillboard } from "./billboard.js";
import { differences, itemsOf, say, tell } from "./changes.js";
import { byId, element, fill } from "./dom.js";
import { place, restore } from "./focus.js";
import { watch } from "./impressions.js";
import { rove } from "./roving.js";
import { rowNodes, scrollBack, scrolled } from "./rows.js";
import { pageRequest, session } from "./session.js";
import { emit } from "./signals.js";
import { openTitle } from "./title.js";
import { settle } from "./tracking.js";

let current = null;
let numAsked = 0;

export const pageInView = () => current;

export function startHome() {
  rove(byId("rows"), billboardEntry);
  byId("billboard").addEventListener("keydown", (event) => {
    const below = byId("rows").querySelector(".card[tabindex='0']");
    if (event.key !== "ArrowDown" || !below) return;
    event.preventDefault();
    below.focus();
  });
}

/** Do an act of `ACTS` with a title, then show the page that follows from it. */
export async function act(name, slot) {
  try {
    await ACTS[name].send(slot);
  } catch (error) {
    tell("That did not reach the server", [error.message]);
    return;
  }
  await refresh(`${ACTS[name].done} ${slot.item.title}`);
  if (name === "play") openTitle(slot, { act, isPlaying: true });
}

/** Ask for the page and draw it; `happened` says in words why, and is told together with what changed. */
export async function refresh(happened = "") {
  const mine = (numAsked += 1);
  byId("main").setAttribute("aria-busy", "true");
  try {
    await settle();
    const page = await askPage(pageRequest());
    if (mine === numAsked) show(page, happened);
  } catch (error) {
    if (mine === numAsked) showRefusal(error);
  } finally {
    if (mine === numAsked) byId("main").setAttribute("aria-busy", "false");
  }
}

function show(page, happened) {
  const before = current && current.user_id === page.user_id ? current : null;
  current = page;
  const where = place();
  const places = before ? scrolled(byId("rows")) : new Map();
  const handlers = { act, open: (slot) => openTitle(slot, { act }), look: (slot) => emit("slot", slot) };
  const [nodes, slots] = rowNodes(page, before && happened ? itemsOf(before) : null, handlers);
  fill(byId("rows"), nodes.length ? nodes : element("p", { class: "notice" }, "Nothing may be shown with these settings. Open the controls to allow more."));
  scrollBack(byId("rows"), places);
  watch([...drawBillboard(page, handlers), ...slots]);
  restore(where);
  emit("page", page);
  if (happened && before) tell(happened, differences(before, page));
  else say(`${page.rows.length} rows for ${session.userId}`);
}

function showRefusal(error) {
  fill(byId("rows"), element("div", { class: "notice", role: "alert" }, element("h2", {}, "The page could not be made"), element("p", {}, error.message), error.status === 401 ? keyForm() : element("button", { type: "button", class: "button", click: () => refresh() }, "Try again")));
  byId("billboard").hidden = true;
}

function keyForm() {
  const field = element("input", { id: "key", type: "password", autocomplete: "off", required: true });
  const submit = (event) => {
    event.preventDefault();
    useKey(field.value);
    refresh();
  };
  return element("form", { class: "inline", submit }, element("label", { for: "key" }, "API key"), field, element("button", { class: "button" }, "Use it"));
}
