// Light or dark: as the system has it, until the viewer chooses.

import { element, fill } from "./dom.js";
import { icon } from "./icons.js";

const KEY = "marquee-scheme";
const system = matchMedia("(prefers-color-scheme: light)");

/** The button that switches; the choice is kept. */
export function schemeButton() {
  const button = element("button", { type: "button", class: "round", click: () => choose(isLight() ? "dark" : "light", button) });
  apply(stored(), button);
  system.addEventListener("change", () => apply(stored(), button));
  return button;
}

function choose(scheme, button) {
  try {
    localStorage.setItem(KEY, scheme);
  } catch {
    // Then it holds for this visit.
  }
  apply(scheme, button);
}

function apply(scheme, button) {
  if (scheme) document.documentElement.dataset.scheme = scheme;
  const other = isLight() ? "dark" : "light";
  button.setAttribute("aria-label", `Switch to ${other} colours`);
  button.title = `Switch to ${other} colours`;
  fill(button, icon(isLight() ? "moon" : "sun"));
}

function isLight() {
  const chosen = document.documentElement.dataset.scheme;
  return chosen ? chosen === "light" : system.matches;
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
