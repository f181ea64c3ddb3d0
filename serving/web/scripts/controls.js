// The viewer's own hand: maturity, children, blocked genres, autoplay, personalisation, reset.

import { askControls, putControls } from "./api.js";
import { tell } from "./changes.js";
import { closeDialog, openDialog } from "./dialog.js";
import { element } from "./dom.js";
import { session } from "./session.js";
import { emit } from "./signals.js";
import { now } from "./tracking.js";
import { age, plural } from "./words.js";

const SWITCHES = [
  ["kids", "Children's profile: only titles for children"],
  ["autoplay_previews", "Previews start by themselves"],
  ["autoplay_next_episode", "The next episode starts by itself"],
  ["personalised", "Personal pages; off gives what an unknown viewer sees"],
];

export async function openControls() {
  try {
    draw(await askControls(session.userId));
  } catch (error) {
    openDialog("controls", "Your controls", element("p", { role: "alert" }, error.message));
  }
}

/** Take a title out of one row, for good. */
export function removeFromRow({ rowId, item, rowTitle }) {
  return alter(({ removed }) => ({ removed: [...removed, { row_id: rowId, item_id: item.item_id }] }), `${item.title} is out of “${rowTitle}”`);
}

/** Take a title off the page, for good. */
export function block({ item }) {
  return alter(({ blocked_items: blocked }) => ({ blocked_items: [...blocked, item.item_id] }), `${item.title} is never shown again`);
}

async function alter(change, words) {
  try {
    const { controls } = await askControls(session.userId);
    await putControls(session.userId, { ...controls, ...change(controls) });
    emit("controls", words);
  } catch (error) {
    tell("That did not reach the server", [error.message]);
  }
}

function draw({ controls, maturity_labels: labels, genres }) {
  const form = element(
    "form",
    { class: "settings", submit: (event) => save(event, form, controls) },
    element("fieldset", {}, element("legend", {}, "Highest age"), element("div", { class: "chips" }, ...[null, ...labels].map((label) => chip("radio", "maturity", label ?? "", label === null ? "Everything" : age(label), controls.maturity === label)))),
    element("fieldset", {}, element("legend", {}, "In general"), ...SWITCHES.map(([name, words]) => toggle(name, words, controls[name]))),
    genres.length ? element("fieldset", {}, element("legend", {}, "Never show these genres"), element("div", { class: "chips" }, ...genres.map((genre) => chip("checkbox", "blocked_genres", genre, genre, controls.blocked_genres.includes(genre))))) : null,
    taken(controls),
    element("div", { class: "buttons" }, element("button", { class: "button first" }, "Save"), element("button", { type: "button", class: "button danger", click: () => reset() }, "Forget all that I watched")),
    element("p", { role: "alert", class: "refusal" }),
  );
  openDialog("controls", "Your controls", form);
}

function chip(type, name, value, words, isOn) {
  return element("label", { class: "chip" }, element("input", { type, name, value, checked: isOn }), element("span", {}, words));
}

function toggle(name, words, isOn) {
  return element("label", { class: "toggle" }, element("input", { type: "checkbox", name, checked: isOn, role: "switch" }), element("span", {}, words));
}

/** What was taken out by hand, and a way to have it back. */
function taken({ removed, hidden_items: hidden, blocked_items: blocked }) {
  const count = removed.length + hidden.length + blocked.length;
  return count ? element("fieldset", {}, element("legend", {}, "Taken out by hand"), toggle("restore", `Bring back ${plural(count, "title")} taken out of rows, hidden or blocked`, false)) : null;
}

async function save(event, form, before) {
  event.preventDefault();
  const data = new FormData(form);
  const switches = Object.fromEntries(SWITCHES.map(([name]) => [name, data.has(name)]));
  const restored = data.has("restore") ? { removed: [], hidden_items: [], blocked_items: [] } : {};
  const after = { ...before, ...switches, ...restored, maturity: data.get("maturity") || null, blocked_genres: data.getAll("blocked_genres") };
  try {
    await putControls(session.userId, after);
  } catch (error) {
    form.querySelector(".refusal").textContent = error.message;
    return;
  }
  closeDialog("controls");
  emit("controls", "Your controls are saved");
}

async function reset() {
  closeDialog("controls");
  try {
    await now("reset", null);
    session.lists.clear();
    emit("controls", "All that you watched is forgotten");
  } catch (error) {
    tell("That did not reach the server", [error.message]);
  }
}
