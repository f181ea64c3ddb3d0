// What a viewer can do with a title: its words, its sign, its events, and how the page tells of it afterwards.

import { session } from "./session.js";
import { now } from "./tracking.js";

const ABANDONED = 0.05;
const HALF = 0.5;
const DEFAULT_MINUTES = 90;

export const ACTS = {
  play: { label: "Play", icon: "play", done: "You play", send: (slot) => now("play", slot, watched(slot, null)) },
  abandon: { label: "Leave after 5 %", icon: "leave", done: "You left after a few minutes of", send: (slot) => now("stop", slot, watched(slot, ABANDONED)) },
  pause: { label: "Pause half-way", icon: "pause", done: "You stopped half-way through", send: stopHalfway },
  finish: { label: "Watch to the end", icon: "finish", done: "You finished", send: (slot) => now("complete", slot, watched(slot, 1)) },
  thumbUp: { label: "I like this", icon: "up", done: "You like", send: (slot) => now("thumb_up", slot, { liked: 1 }) },
  thumbDown: { label: "Not my taste", icon: "down", done: "You do not like", send: (slot) => now("thumb_down", slot, { liked: 0 }) },
  add: { label: "Add to list", icon: "plus", done: "On your list:", send: (slot) => listed(slot, true) },
  remove: { label: "Take off list", icon: "check", done: "Off your list:", send: (slot) => listed(slot, false) },
  notInterested: { label: "Not interested", icon: "no", done: "Not interested in", send: (slot) => now("not_interested", slot) },
  forget: { label: "Remove from history", icon: "erase", done: "As if you had never watched", send: (slot) => now("remove_from_history", slot) },
};

export function isListed({ item, rowType }) {
  return rowType === "my_list" || session.lists.has(item.item_id);
}

function listed(slot, isAdded) {
  if (isAdded) session.lists.add(slot.item.item_id);
  else session.lists.delete(slot.item.item_id);
  return now(isAdded ? "list_add" : "list_remove", slot);
}

async function stopHalfway(slot) {
  await now("pause", slot, watched(slot, HALF));
  await now("stop", slot, watched(slot, HALF));
}

function watched({ item }, share) {
  const duration = 60 * (item.minutes || DEFAULT_MINUTES);
  return { duration_s: duration, ...(share === null ? {} : { watch_s: duration * share, position_s: duration * share }) };
}
