// A title's artwork, drawn here: the genre gives colours and composition, title and variant give the rest.

import { drawing } from "./dom.js";
import * as motifs from "./motifs.js";
import { moodOf, palette } from "./palette.js";
import { hash, numbers } from "./random.js";

// Compositions of `motifs.js` that suit each genre.
const COMPOSITIONS = {
  action: "rays skyline rings bars slats",
  adventure: "ridges waves arches forest rays",
  animation: "tiles planets eclipse bars waves",
  children: "tiles eclipse waves rays planets",
  comedy: "tiles rays eclipse bars arches waves",
  cooking: "tiles rings eclipse waves arches rays",
  crime: "slats skyline rings arches bars",
  documentary: "ridges bars arches waves rings",
  drama: "eclipse waves arches ridges slats skyline",
  fantasy: "arches forest planets ridges rays",
  history: "arches ridges rays tiles waves",
  horror: "forest slats arches rings skyline",
  music: "bars rays rings tiles eclipse",
  mystery: "slats arches forest rings skyline",
  nature: "forest ridges waves eclipse rings",
  romance: "eclipse waves rays arches skyline",
  "science fiction": "planets rings skyline bars arches",
  sport: "rays bars rings tiles waves",
  thriller: "slats rings skyline arches bars",
  war: "ridges rays skyline slats",
  western: "ridges eclipse rays waves",
};

const LETTERINGS = [
  { family: "serif", weight: 700, spacing: 0, wide: 0.56, upper: false },
  { family: "sans", weight: 800, spacing: -0.01, wide: 0.6, upper: false },
  { family: "sans", weight: 700, spacing: 0.06, wide: 0.76, upper: true },
  { family: "narrow", weight: 700, spacing: 0.01, wide: 0.56, upper: true },
  { family: "serif", weight: 400, spacing: 0.01, wide: 0.53, upper: false, italic: true },
];

let numDrawn = 0;

/** The look of a title: which topic its artwork shows, and the seed of its details. `artwork` may read `1: Comedy`. */
export function look({ title, artwork = "", genres = [] }) {
  const [, image, topic] = /^(\d+):\s*(.+)$/.exec(artwork) || [null, "", ""];
  const mood = moodOf(topic || genres[0], title);
  return { title, genre: genres[0] || topic || "", mood, lettering: LETTERINGS[hash(title) % LETTERINGS.length], seed: `${title}|${mood}|${image || artwork}` };
}

/** An upright poster with its title in it. */
export function poster(item, width = 200, height = 300) {
  const { title, genre, lettering } = look(item);
  const frame = scene(item, width, height);
  frame.append(shade(frame, width, height), ...words(title, genre, lettering, width, height));
  return frame;
}

/** A wide artwork without words. */
export function wideArtwork(item, width = 1280, height = 620) {
  return scene(item, width, height);
}

function scene(item, width, height) {
  const { mood, seed } = look(item);
  const chance = numbers(seed);
  const colours = palette(mood, chance);
  const names = COMPOSITIONS[mood].split(" ");
  const motif = motifs[names[Math.floor(chance() * names.length)]];
  const id = `sky-${(numDrawn += 1)}`;
  const frame = drawing("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", focusable: "false", class: "artwork" });
  frame.append(
    drawing("defs", {}, drawing("linearGradient", { id, x2: 0.2, y2: 1 }, drawing("stop", { "stop-color": colours.sky }), drawing("stop", { offset: 1, "stop-color": colours.far }))),
    drawing("rect", { width, height, fill: `url(#${id})` }),
    drawing("g", { transform: chance() < 0.5 ? `matrix(-1 0 0 1 ${width} 0)` : null }, ...motif(width, height, colours, chance)),
  );
  return frame;
}

/** Darkness from below, for the words. */
function shade(frame, width, height) {
  const id = `shade-${numDrawn}`;
  frame.querySelector("defs").append(
    drawing("linearGradient", { id, x2: 0, y2: 1 }, drawing("stop", { offset: 0.3, "stop-color": "#000", "stop-opacity": 0 }), drawing("stop", { offset: 0.62, "stop-color": "#000", "stop-opacity": 0.55 }), drawing("stop", { offset: 1, "stop-color": "#000", "stop-opacity": 0.86 })),
  );
  return drawing("rect", { width, height, fill: `url(#${id})` });
}

function words(title, genre, lettering, width, height) {
  const shown = lettering.upper ? title.toUpperCase() : title;
  const { lines, size } = fitted(shown, lettering.wide + lettering.spacing, width - 28);
  const base = height - 18 - (genre ? 15 : 0);
  const text = lines.map((line, place) =>
    drawing("text", { x: 14, y: base - (lines.length - 1 - place) * size * 1.06, "font-size": size, "font-weight": lettering.weight, "font-style": lettering.italic ? "italic" : null, "letter-spacing": `${lettering.spacing}em`, class: `lettering ${lettering.family}` }, line),
  );
  const mark = genre && drawing("text", { x: 14, y: height - 14, "font-size": 9, "letter-spacing": "0.18em", class: "lettering sans mark" }, genre.toUpperCase());
  return mark ? [...text, mark] : text;
}

/** Lines of the title and the largest size at which the longest fits `width`; `wide` is a letter's mean width in em. */
function fitted(title, wide, width) {
  for (const size of [34, 30, 27, 24, 21, 18.5, 16, 14, 12.5]) {
    const lines = wrapped(title, Math.floor(width / (wide * size)));
    if (lines && lines.length <= (size > 28 ? 2 : size > 20 ? 3 : 4)) return { lines, size };
  }
  return { lines: [`${title.slice(0, 22)}…`], size: 12.5 };
}

/** Lines of at most `length` letters, or null where a word is longer. */
function wrapped(title, length) {
  const lines = [""];
  for (const word of title.split(/\s+/)) {
    if (word.length > length) return null;
    if (lines.at(-1) && lines.at(-1).length + 1 + word.length > length) lines.push("");
    lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
  }
  return lines;
}
