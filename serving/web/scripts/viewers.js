// Whose page is shown: known viewers, a new one, or any id.

import { askViewers } from "./api.js";
import { closeDialog, openDialog } from "./dialog.js";
import { element } from "./dom.js";
import { icon } from "./icons.js";
import { hash } from "./random.js";
import { become, becomeNewViewer, session } from "./session.js";
import { listed, plural } from "./words.js";

const NUM_VIEWERS = 12;

/** A disc in the viewer's own colour. */
export function face(userId, isGuest) {
  return element("span", { class: "face", "aria-hidden": "true", variables: { hue: hash(userId || "") % 360 } }, isGuest ? icon("plus") : (userId || "?").replace(/^\D*0*(?=\d)/, "").slice(0, 4));
}

export async function openViewers() {
  openDialog("viewers", "Who is watching?", element("p", { class: "small" }, "Looking for known viewers …"));
  const known = await askViewers(NUM_VIEWERS).then((answer) => answer.viewers, () => []);
  openDialog("viewers", "Who is watching?", newViewer(), known.length ? element("ul", { class: "people", role: "list" }, ...known.map(person)) : null, byName());
}

function newViewer() {
  return element("button", { type: "button", class: "button first wide", data: { viewer: "new" }, click: () => choose(becomeNewViewer) }, icon("plus"), "A new viewer, of whom nothing is known");
}

function person({ user_id: userId, num_events: numEvents, recent }) {
  const titles = recent.filter(Boolean);
  return element(
    "li",
    {},
    element("button", { type: "button", class: "person", "aria-current": userId === session.userId ? "true" : null, data: { viewer: userId }, click: () => choose(() => become(userId)) }, face(userId), element("span", {}, element("strong", {}, userId), element("span", { class: "small" }, plural(numEvents, "event")), element("span", { class: "small" }, titles.length ? `Last: ${listed(titles)}` : ""))),
  );
}

function byName() {
  const field = element("input", { id: "viewer-id", type: "text", maxlength: 256, autocomplete: "off", required: true, placeholder: "any id" });
  const submit = (event) => {
    event.preventDefault();
    choose(() => become(field.value.trim()));
  };
  return element("form", { class: "inline", submit }, element("label", { for: "viewer-id" }, "Someone else"), field, element("button", { class: "button" }, "Look"));
}

function choose(change) {
  closeDialog("viewers");
  change();
}
