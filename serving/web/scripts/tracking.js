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
  if (waiting.length >= MOST) flush();
  else timer ||= setTimeout(flush, BATCH_MS);
}

/** Sent now, with all that waits; resolves when the server has it. */
export async function now(kind, slot, more) {
  waiting.push(eventOf(kind, slot, more));
  await flush();
}

/** Send what waits. */
export async function flush() {
  clearTimeout(timer);
  timer = 0;
  const batch = waiting;
  waiting = [];
  if (!batch.length) return;
  await sendEvents(batch);
  emit("event", batch);
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
  if (document.visibilityState === "hidden") flush().catch(() => {});
});
