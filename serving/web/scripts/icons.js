// Small signs as outlines on a 24 x 24 field.

import { drawing } from "./dom.js";

const PATHS = {
  play: "M8 5.5v13l10.5-6.5z",
  info: "M12 11v6M12 7.5v.1M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  check: "M5 12.5l5 5L19.5 7.5",
  up: "M7 11v9H4v-9zM7 11l4.5-7.5c1.7 0 2.6 1.2 2.3 2.8L13 10h5.2c1.3 0 2.2 1.2 1.9 2.4l-1.5 6c-.3 1-1.1 1.6-2.1 1.6H7",
  down: "M17 13V4h3v9zM17 13l-4.500 7.500c-1.700 0-2.600-1.200-2.300-2.800L11 14H5.800c-1.300 0-2.200-1.200-1.900-2.400l1.500-6c.3-1 1.100-1.600 2.100-1.600H17",
  no: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18zM6 6l12 12",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  clock: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18zM12 7v5.500l3.500 2",
  erase: "M4 7h16M9 7V4.500h6V7M6.500 7l1 13h9l1-13",
  leave: "M14 4h5v16h-5M4 12h10M10.500 8.500L14 12l-3.500 3.500",
  finish: "M5 21V4h13l-2.500 4L18 12H5",
  row: "M3.500 6h17v12h-17zM9 12h6",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  gear: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  wrench: "M8.500 7.500L4 12l4.500 4.500M15.500 7.500L20 12l-4.500 4.500M13.500 5l-3 14",
  person: "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM4.500 20.500c.8-4 3.700-6 7.500-6s6.700 2 7.500 6",
  chart: "M4 20h16M7 16v-5M12 16V6M17 16v-8",
  pause: "M8.500 5.500v13M15.500 5.500v13",
};

export function icon(name) {
  const solid = name === "play";
  return drawing("svg", { viewBox: "0 0 24 24", class: solid ? "icon solid" : "icon", "aria-hidden": "true", focusable: "false" }, drawing("path", { d: PATHS[name] }));
}
