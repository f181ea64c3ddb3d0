// Compositions of posters: each draws shapes in a field of given width and height from a palette and a source of chance.

import { drawing } from "./dom.js";

const round = (value) => Math.round(value * 10) / 10;

function path(points, close, attributes) {
  const line = points.map(([x, y], place) => `${place ? "L" : "M"}${round(x)} ${round(y)}`).join("");
  return drawing("path", { d: close ? `${line}Z` : line, ...attributes });
}

function ridge(width, height, level, rough, chance) {
  const steps = 9;
  const points = [[0, height]];
  for (let step = 0; step <= steps; step += 1) {
    points.push([(width * step) / steps, level + (chance() - 0.5) * rough * (step % 2 ? 1.6 : 0.7)]);
  }
  return [...points, [width, height]];
}

function wave(width, height, level, swell, phase, attributes) {
  let line = `M0 ${round(height)}L0 ${round(level)}`;
  const length = width / 2;
  for (let start = -phase * length; start < width; start += length) {
    line += `Q${round(start + length / 4)} ${round(level - swell)} ${round(start + length / 2)} ${round(level)}T${round(start + length)} ${round(level)}`;
  }
  return drawing("path", { d: `${line}L${round(width)} ${round(height)}Z`, ...attributes });
}

/** A sun behind ridges. */
export function ridges(width, height, { far, near, light }, chance) {
  const radius = Math.min(width, height) * (0.16 + 0.12 * chance());
  return [
    drawing("circle", { cx: round(width * (0.25 + 0.5 * chance())), cy: round(height * 0.34), r: round(radius), fill: light }),
    path(ridge(width, height, height * 0.52, height * 0.16, chance), true, { fill: far, opacity: 0.75 }),
    path(ridge(width, height, height * 0.64, height * 0.18, chance), true, { fill: far }),
    path(ridge(width, height, height * 0.78, height * 0.12, chance), true, { fill: near }),
  ];
}

/** Rolling waves under a low light. */
export function waves(width, height, { far, near, light }, chance) {
  const swell = height * (0.03 + 0.04 * chance());
  return [
    drawing("circle", { cx: round(width * (0.3 + 0.4 * chance())), cy: round(height * 0.4), r: round(Math.min(width, height) * 0.2), fill: light, opacity: 0.95 }),
    ...[0.46, 0.56, 0.67, 0.8].map((level, place) =>
      wave(width, height, height * level, swell, chance(), { fill: place < 2 ? far : near, opacity: [0.55, 0.9, 0.75, 1][place] }),
    ),
  ];
}

/** Rings around a light, cut by the edge. */
export function rings(width, height, { far, near, light }, chance) {
  const x = width * (0.2 + 0.6 * chance());
  const y = height * (0.26 + 0.2 * chance());
  const most = Math.hypot(width, height) * 0.62;
  const count = 4 + Math.floor(6 * chance());
  const shapes = [];
  for (let ring = count; ring >= 1; ring -= 1) {
    shapes.push(drawing("circle", { cx: round(x), cy: round(y), r: round((most * ring) / count), fill: ring % 2 ? near : far, opacity: round(0.4 + (0.5 * (count - ring)) / count) }));
  }
  shapes.push(drawing("circle", { cx: round(x), cy: round(y), r: round(most / 11), fill: light }));
  return shapes;
}

/** Rays from a low corner, like a premiere's lights. */
export function rays(width, height, { far, near, light }, chance) {
  const x = width * (0.3 + 0.4 * chance());
  const y = height * 0.86;
  const count = 6 + Math.floor(8 * chance());
  const reach = Math.hypot(width, height);
  const shapes = [];
  for (let ray = 0; ray < count; ray += 1) {
    const from = Math.PI * (1.02 + (0.96 * ray) / count);
    const to = from + (Math.PI * 0.96) / count / 2;
    shapes.push(path([[x, y], [x + reach * Math.cos(from), y + reach * Math.sin(from)], [x + reach * Math.cos(to), y + reach * Math.sin(to)]], true, { fill: ray % 3 ? far : light, opacity: ray % 3 ? 0.8 : 0.6 }));
  }
  shapes.push(drawing("circle", { cx: round(x), cy: round(y), r: round(Math.min(width, height) * 0.17), fill: light }));
  shapes.push(drawing("rect", { y: round(height * 0.86), width, height: round(height * 0.14), fill: near }));
  return shapes;
}

/** Roofs at night, some windows lit. */
export function skyline(width, height, { far, near, light }, chance) {
  const shapes = [drawing("circle", { cx: round(width * (0.22 + 0.56 * chance())), cy: round(height * 0.26), r: round(Math.min(width, height) * 0.12), fill: light })];
  for (const [fill, base, spread] of [[far, 0.46, 0.2], [near, 0.6, 0.2]]) {
    let x = -width * 0.04 * chance();
    while (x < width) {
      const wide = Math.min(width, height) * (0.12 + 0.12 * chance());
      const top = height * (base + spread * chance());
      shapes.push(drawing("rect", { x: round(x), y: round(top), width: round(wide + 0.5), height: round(height - top), fill }));
      if (fill === near) shapes.push(...windows(x, top, wide, height, light, chance));
      x += wide;
    }
  }
  return shapes;
}

function windows(x, top, wide, height, light, chance) {
  const shapes = [];
  const size = wide / 7;
  for (let y = top + 2 * size; y < height * 0.9; y += 2.6 * size) {
    for (const column of [1.2, 3, 4.8]) {
      if (chance() < 0.3) shapes.push(drawing("rect", { x: round(x + column * size), y: round(y), width: round(size), height: round(1.3 * size), fill: light, opacity: 0.85 }));
    }
  }
  return shapes;
}

/** Planets with a ring, and stars. */
export function planets(width, height, { far, near, light }, chance) {
  const shapes = [];
  for (let star = 0; star < 42; star += 1) {
    shapes.push(drawing("circle", { cx: round(width * chance()), cy: round(height * chance()), r: round(0.5 + 1.3 * chance()), fill: light, opacity: round(0.3 + 0.7 * chance()) }));
  }
  const x = width * (0.34 + 0.36 * chance());
  const y = height * 0.4;
  const radius = Math.min(width, height) * (0.26 + 0.08 * chance());
  const tilt = Math.round(-34 + 68 * chance());
  shapes.push(
    drawing("circle", { cx: round(x), cy: round(y), r: round(radius), fill: far }),
    drawing("path", { d: `M${round(x - radius)} ${round(y)}a${round(radius)} ${round(radius)} 0 0 0 ${round(2 * radius)} 0a${round(radius)} ${round(radius * 0.62)} 0 0 1 ${round(-2 * radius)} 0`, fill: near, opacity: 0.8, transform: `rotate(${tilt - 40} ${round(x)} ${round(y)})` }),
    drawing("ellipse", { cx: round(x), cy: round(y), rx: round(radius * 1.6), ry: round(radius * 0.32), fill: "none", stroke: light, "stroke-width": round(radius * 0.07), transform: `rotate(${tilt} ${round(x)} ${round(y)})` }),
  );
  return shapes;
}

/** Slats with one figure between light and shade. */
export function slats(width, height, { far, near, light }, chance) {
  const shapes = [];
  const count = 6 + Math.floor(3 * chance());
  const gap = height / count;
  for (let slat = 0; slat < count; slat += 1) {
    shapes.push(path([[0, slat * gap + gap * 0.5], [width, slat * gap - gap * 0.1], [width, slat * gap + gap * 0.38], [0, slat * gap + gap]], true, { fill: slat % 2 ? far : near, opacity: 0.85 }));
  }
  const x = width * (0.36 + 0.28 * chance());
  const head = Math.min(width, height) * 0.1;
  shapes.push(
    drawing("circle", { cx: round(x), cy: round(height * 0.36), r: round(head * 2.4), fill: light, opacity: 0.9 }),
    drawing("circle", { cx: round(x), cy: round(height * 0.34), r: round(head), fill: near }),
    path([[x - head * 1.7, height], [x - head * 1.5, height * 0.5], [x - head * 0.5, height * 0.42], [x + head * 0.5, height * 0.42], [x + head * 1.5, height * 0.5], [x + head * 1.7, height]], true, { fill: near }),
  );
  return shapes;
}

/** Arches one within the other, a door of light at the end. */
export function arches(width, height, { far, near, light }, chance) {
  const x = width * (0.42 + 0.16 * chance());
  const count = 3 + 2 * Math.floor(2 * chance());
  const fills = [...Array(count - 1).keys()].map((place) => (place % 2 ? far : near)).concat(light);
  return fills.map((fill, place) => {
    const half = Math.min(width * 0.46, height * 0.5) * (1 - (place * 0.76) / (count - 1));
    const top = height * (0.12 + (place * 0.3) / (count - 1));
    return drawing("path", { d: `M${round(x - half)} ${height}V${round(top + half)}A${round(half)} ${round(half)} 0 0 1 ${round(x + half)} ${round(top + half)}V${height}Z`, fill, opacity: fill === light ? 1 : 0.86 });
  });
}

/** Quarter circles and discs on a grid, bright and playful. */
export function tiles(width, height, { sky, far, near, light }, chance) {
  const columns = Math.max(3, Math.round(width / (height / 4.5)));
  const size = width / columns;
  const fills = [far, near, light, sky];
  const shapes = [];
  for (let row = 0; row * size < height; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [x, y] = [column * size, row * size];
      const fill = fills[Math.floor(4 * chance())];
      const kind = Math.floor(4 * chance());
      shapes.push(drawing("rect", { x: round(x), y: round(y), width: round(size), height: round(size), fill: fills[Math.floor(3 * chance()) % 2], opacity: 0.5, "shape-rendering": "crispEdges" }));
      if (kind === 0) shapes.push(drawing("circle", { cx: round(x + size / 2), cy: round(y + size / 2), r: round(size * 0.34), fill }));
      if (kind === 1) shapes.push(drawing("path", { d: `M${round(x)} ${round(y)}h${round(size)}a${round(size)} ${round(size)} 0 0 1 ${round(-size)} ${round(size)}Z`, fill }));
      if (kind === 2) shapes.push(drawing("path", { d: `M${round(x + size)} ${round(y + size)}h${round(-size)}a${round(size)} ${round(size)} 0 0 1 ${round(size)} ${round(-size)}Z`, fill }));
    }
  }
  return shapes;
}

/** Two discs that meet. */
export function eclipse(width, height, { far, near, light }, chance) {
  const radius = Math.min(width, height) * (0.24 + 0.14 * chance());
  const apart = radius * (0.5 + 0.4 * chance());
  const lift = height * (0.36 + 0.06 * chance());
  const lean = (chance() - 0.5) * radius;
  return [
    drawing("circle", { cx: round(width / 2 - apart / 1.3), cy: round(lift - lean / 2), r: round(radius), fill: light, opacity: 0.95 }),
    drawing("circle", { cx: round(width / 2 + apart / 1.3), cy: round(lift + lean / 2), r: round(radius), fill: far, opacity: 0.82 }),
    wave(width, height, height * 0.74, height * 0.03, chance(), { fill: near }),
  ];
}

/** Bars of sound, high and low. */
export function bars(width, height, { far, near, light }, chance) {
  const count = Math.round(width / (Math.min(width, height) / 11));
  const wide = width / count;
  const shapes = [drawing("circle", { cx: round(width * 0.5), cy: round(height * 0.36), r: round(Math.min(width, height) * 0.3), fill: far, opacity: 0.8 })];
  for (let bar = 0; bar < count; bar += 1) {
    const tall = height * (0.08 + 0.5 * chance() * Math.sin((Math.PI * (bar + 0.7)) / (count + 0.4)));
    shapes.push(drawing("rect", { x: round(bar * wide + wide * 0.2), y: round(height * 0.4 - tall / 2), width: round(wide * 0.6), height: round(tall), rx: round(wide * 0.3), fill: bar % 3 ? light : near }));
  }
  return shapes;
}

/** Trees, near ones darker. */
export function forest(width, height, { far, near, light }, chance) {
  const shapes = [drawing("circle", { cx: round(width * (0.25 + 0.5 * chance())), cy: round(height * 0.3), r: round(Math.min(width, height) * 0.15), fill: light })];
  for (const [fill, base, count, opacity] of [[far, 0.7, 9, 0.65], [far, 0.8, 7, 1], [near, 0.95, 6, 1]]) {
    const total = Math.round((count * width) / Math.min(width, height));
    for (let tree = 0; tree <= total; tree += 1) {
      const x = (width * (tree + 0.6 * (chance() - 0.5))) / total;
      const tall = height * (0.26 + 0.16 * chance());
      const half = tall * 0.2;
      shapes.push(path([[x - half, height * base], [x, height * base - tall], [x + half, height * base]], true, { fill, opacity }));
    }
    shapes.push(drawing("rect", { y: round(height * base - 1), width, height: round(height * (1 - base) + 1), fill, opacity }));
  }
  return shapes;
}
