// Events on their way to the server: acts at once, impressions in batches.

import { sendEvents } from "./api.js";
import { randomId, session } from "./session.js";
import { emit } from "./signals.js";

const BATCH_MS = 1500;
const MOST = 200;

let waiting = [];
let timer = 0;

/** Sent with the next batch. */
export function later(kind, slot, more) {
  waiting.push(eventOf(kind, slot, more));
  if (waiting.length >= MOST) settle();
  else timer ||= setTimeout(settle, BATCH_MS);
}

/** Sent now, with all that waits; resolves when the server has it, and throws where it does not take it. */
export async function now(kind, slot, more) {
  await deliver([eventOf(kind, slot, more)]);
}

/** Send what waits; what the server does not take waits for the next time, the newest of it. */
export async function settle() {
  if (waiting.length) await deliver([]).catch(() => {});
}

async function deliver(acts) {
  clearTimeout(timer);
  timer = 0;
  const batch = waiting;
  waiting = [];
  try {
    await sendEvents([...batch, ...acts]);
  } catch (error) {
    waiting = [...batch, ...waiting].slice(1 - MOST);
    throw error;
  }
  emit("event", [...batch, ...acts]);
}

/** A slot is where a title stood: `{item, rowId, rowType, rowPos, page}`; null for an act that concerns no title. */
function eventOf(kind, slot, more = {}) {
  const event = {
    event_id: randomId("event"),
    user_id: session.userId,
    session_id: session.id,
    event: kind,
    ts_ms: Date.now(),
    device: session.moment.device,
    tz_offset_min: -new Date().getTimezoneOffset(),
    context: { companions: session.moment.companions, hour: String(session.moment.hour) },
    ...more,
  };
  return slot ? { ...event, ...placeOf(slot) } : event;
}

function placeOf({ item, rowId, rowType, rowPos, page }) {
  const place = { item_id: item.item_id };
  if (!page) return place;
  return {
    ...place,
    request_id: page.request_id,
    model_version: page.model_version,
    row_id: rowId,
    row_type: rowType,
    row_pos: rowPos,
    col_pos: item.position,
    variant_id: item.variant.id || null,
    propensity: item.propensity > 0 ? Math.min(1, item.propensity) : null,
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") settle();
});
