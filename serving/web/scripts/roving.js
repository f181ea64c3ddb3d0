// Arrow keys over rows of cards: one card of a row is in the tab order, the arrows move, Home and End jump.

/** Keys for the cards of all rows inside `rows`; `above` gives what lies over the first row. */
export function rove(rows, above) {
  rows.addEventListener("keydown", (event) => {
    const card = event.target.closest(".card");
    if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = neighbour(card, event.key, rows, above);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  rows.addEventListener("focusin", (event) => {
    const card = event.target.closest(".card");
    if (!card) return;
    for (const each of cardsOf(card.closest(".row"))) each.tabIndex = each === card ? 0 : -1;
    card.scrollIntoView({ block: "nearest", inline: "nearest", behavior: isCalm() ? "auto" : "smooth" });
  });
}

export function isCalm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function neighbour(card, key, rows, above) {
  const row = card.closest(".row");
  const cards = cardsOf(row);
  const column = cards.indexOf(card);
  const all = [...rows.querySelectorAll(".row")];
  const upright = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (upright) {
    const other = all[all.indexOf(row) + upright];
    return other ? nearest(card, cardsOf(other)) : upright < 0 ? above() : null;
  }
  const to = { ArrowLeft: column - 1, ArrowRight: column + 1, Home: 0, End: cards.length - 1 }[key];
  return to === undefined ? null : cards[to];
}

/** The card that lies under or over this one. */
function nearest(card, cards) {
  const middle = middleOf(card);
  return cards.reduce((best, each) => (Math.abs(middleOf(each) - middle) < Math.abs(middleOf(best) - middle) ? each : best));
}

function middleOf(card) {
  const { left, width } = card.getBoundingClientRect();
  return left + width / 2;
}

function cardsOf(row) {
  return [...row.querySelectorAll(".card")];
}
