// Which slots came into view: at least half of the slot for half a second, once a page.

import { later } from "./tracking.js";

const SHOWN_MS = 500;
const SHARE = 0.5;

let observer = null;

/** Watch `slots`, pairs of a node and its slot; a page before is forgotten. */
export function watch(slots) {
  observer?.disconnect();
  const slotOf = new Map(slots);
  const timers = new Map();
  observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        clearTimeout(timers.get(target));
        if (isIntersecting) timers.set(target, setTimeout(() => seen(target, slotOf), SHOWN_MS));
      }
    },
    { threshold: SHARE },
  );
  for (const node of slotOf.keys()) observer.observe(node);
}

function seen(node, slotOf) {
  if (!node.isConnected) return;
  observer.unobserve(node);
  later("impression", slotOf.get(node));
}
