// Elements from words: text always becomes text nodes, so no data is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `attributes`: strings are set, true and false switch, functions listen, `data` fills the dataset. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function drawing(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** Puts `children` in the place of what `parent` holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(isShown));
}

export function byId(id) {
  return document.getElementById(id);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) give(node, name, value);
  node.append(...children.flat(Infinity).filter(isShown));
  return node;
}

function give(node, name, value) {
  if (typeof value === "function") node.addEventListener(name, value);
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name === "variables") for (const [key, each] of Object.entries(value)) node.style.setProperty(`--${key}`, each);
  else if (value === true) node.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== "" && child !== 0;
}
