// Dialogs: a heading with a way out, closed by Escape, the cross or a click beside it; focus goes back where it was.

import { hide as hideChanges, raiseChanges } from "./changes.js";
import { byId, element, fill } from "./dom.js";
import { place, restore } from "./focus.js";
import { icon } from "./icons.js";

/** Open the dialog `id` with a heading and content; what is open already is filled anew. */
export function openDialog(id, heading, ...content) {
  const dialog = byId(id);
  const closer = element("button", { type: "button", class: "round closer", "aria-label": "Close", click: () => dialog.close() }, icon("close"));
  fill(dialog, element("div", { class: "sheet" }, element("h2", { id: `${id}-name`, class: "sheet-name" }, heading), ...content, closer));
  if (!dialog.open) show(dialog);
  return dialog;
}

export function closeDialog(id) {
  if (byId(id).open) byId(id).close();
}

function show(dialog) {
  const where = place();
  const opener = document.activeElement;
  dialog.showModal();
  if (dialog.id === "title") raiseChanges();
  else hideChanges();
  dialog.addEventListener("close", () => (opener?.isConnected && opener !== document.body ? opener.focus({ preventScroll: true }) : restore(where)), { once: true });
  if (dialog.dataset.isReady) return;
  dialog.dataset.isReady = "true";
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
