// Who looks at the page, in which moment, and how the page is to be made; kept in this browser between visits.

import { emit } from "./signals.js";

const KEY = "marquee";
const KEPT = ["userId", "isGuest", "moment", "strategy", "attention", "seed"];

export const session = {
  id: randomId("session"),
  userId: null,
  isGuest: true,
  moment: { device: deviceOfScreen(), companions: "alone", hour: new Date().getHours() },
  strategy: "stagewise",
  attention: "geometric",
  seed: 0,
  lists: new Set(),
};

/** Go on where the last visit ended; `?viewer=ID` in the address goes before it, a first visit is a new viewer's. */
export function resume() {
  Object.assign(session, stored());
  const asked = new URLSearchParams(location.search).get("viewer");
  if (asked) Object.assign(session, { userId: asked, isGuest: false });
  if (!session.userId) session.userId = randomId("guest");
  keep();
}

/** Look at the page as another viewer. */
export function become(userId, isGuest = false) {
  Object.assign(session, { userId, isGuest, id: randomId("session"), lists: new Set() });
  keep();
  emit("viewer", userId);
}

export const becomeNewViewer = () => become(randomId("guest"), true);

/** Change the moment or how the page is made. */
export function change(part) {
  Object.assign(session, part);
  keep();
  emit("settings", part);
}

/** The body of a page request. */
export function pageRequest(overrides = {}) {
  const { device, companions, hour } = session.moment;
  const sizes = { phone: [8, 10], tablet: [9, 12], laptop: [10, 14], tv: [10, 16] }[device];
  return {
    user_id: session.userId,
    context: { device, companions, hour: String(hour) },
    seed: session.seed,
    strategy: session.strategy,
    attention: session.attention,
    sizes: { rows: sizes[0], row_length: sizes[1], min_row_length: 1 },
    ...overrides,
  };
}

export function randomId(kind) {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return `${kind}-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function deviceOfScreen() {
  if (innerWidth < 600) return "phone";
  if (innerWidth < 1000) return "tablet";
  return innerWidth < 1800 ? "laptop" : "tv";
}

function stored() {
  try {
    const known = JSON.parse(localStorage.getItem(KEY)) || {};
    return Object.fromEntries(KEPT.filter((name) => name in known).map((name) => [name, known[name]]));
  } catch {
    return {};
  }
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(KEPT.map((name) => [name, session[name]]))));
  } catch {
    // A browser that keeps nothing starts anew each time.
  }
}
