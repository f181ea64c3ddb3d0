// Focus outlives a new page: controls carry a `data-key`, and the one that had it, or its place, gets it back.

import { byId } from "./dom.js";

/** Where the focus is inside the page: key, row and column; null elsewhere. */
export function place() {
  const node = document.activeElement?.closest("#main [data-key]");
  return node && { key: node.dataset.key, rowId: node.dataset.row, column: Number(node.dataset.column || 0) };
}

/** Back to the same control, else to the same place of the row, else to the featured title. */
export function restore(where) {
  if (!where) return;
  const keyed = [...document.querySelectorAll("#main [data-key]")];
  const inRow = keyed.filter((node) => where.rowId && node.dataset.row === where.rowId);
  const node = keyed.find((each) => each.dataset.key === where.key) || inRow[Math.min(where.column, inRow.length - 1)] || keyed[0] || byId("main");
  node.focus({ preventScroll: true });
}
