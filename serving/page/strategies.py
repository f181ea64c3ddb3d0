"""Chooses and orders the rows of a page: four strategies over the same candidates, attention and hard constraints.

Shapes: I rows, J slots of a row, C row candidates, L titles of a candidate, P titles of the pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.page.candidates import RowCandidate, Table

TEMPLATE_ORDER: Final = (
    "continue_watching", "top_picks", "trending_now", "because_you_watched", "series_in_a_row",
    "short_titles", "micro_genre", "my_list", "new_releases", "like_you", "popular", "watch_again",
)  # fmt: skip
"""The order of the rule-based page."""

NUM_TRIES: Final = 60


@dataclass(frozen=True)
class Rules:
    """`most` rows of a template, `pins` at a place; `diversity` is what unlike rows gain; repeats serve experiments."""

    rows: int = 8
    row_length: int = 12
    min_row_length: int = 4
    diversity: float = 0.3
    most: Mapping[str, int] = field(default_factory=lambda: {"because_you_watched": 3, "micro_genre": 6})
    pins: Mapping[str, int] = field(default_factory=lambda: {"continue_watching": 0})
    may_repeat: bool = False

    def cap(self, template: str) -> int:
        """Most rows of a template."""
        return self.most.get(template, 1)


class Chosen(NamedTuple):
    """One row of the page: number of the candidate, places of its titles [at most J], its worth there."""

    candidate: int
    places: NDArray[np.int64]
    worth: float


class Filling(NamedTuple):
    """What each candidate would show next: is_taken bool [C, L], worth [C], length [C]."""

    is_taken: NDArray[np.bool_]
    worth: NDArray[np.float64]
    length: NDArray[np.int64]


def choose(
    strategy: str,
    candidates: Sequence[RowCandidate],
    table: Table,
    attention: NDArray[np.float64],
    rules: Rules,
    used: NDArray[np.bool_],
) -> list[Chosen]:
    """The page's rows; `used` [P] are titles that stand elsewhere already. A ValueError names an unknown strategy."""
    if not candidates:
        return []
    page = _Page(candidates, table, attention, rules, used)
    if strategy == "template":
        return page.laid(_by_template(candidates))
    if strategy == "independent":
        alone = page.filling(0, used).worth
        return page.laid(np.argsort(-alone, kind="stable").tolist())
    if strategy == "stagewise":
        return page.stagewise()
    if strategy == "whole":
        return page.whole()
    raise ValueError(f"unknown strategy {strategy!r}; choose template, independent, stagewise or whole")


def _by_template(candidates: Sequence[RowCandidate]) -> list[int]:
    """Numbers of the candidates in the fixed order; the first of their template first."""
    place = {name: n for n, name in enumerate(TEMPLATE_ORDER)}
    turn: dict[str, int] = {}
    keys = []
    for each in candidates:
        turn[each.template] = turn.get(each.template, 0) + 1
        keys.append((place.get(each.template, len(place)), turn[each.template]))
    return sorted(range(len(candidates)), key=lambda c: keys[c])


class _Page:
    """One page in the making."""

    def __init__(
        self,
        candidates: Sequence[RowCandidate],
        table: Table,
        attention: NDArray[np.float64],
        rules: Rules,
        used: NDArray[np.bool_],
    ) -> None:
        self._templates = [each.template for each in candidates]
        self._table = table
        self._attention = attention
        self._rules = rules
        self._used = used

    def filling(self, row: int, used: NDArray[np.bool_]) -> Filling:
        """All candidates as the page's row number `row`, without the titles used above."""
        table, rules = self._table, self._rules
        is_free = table.is_title if rules.may_repeat else table.is_title & ~used[table.places]
        turn = is_free.cumsum(axis=1) - 1
        is_taken = is_free & (turn < rules.row_length)
        seen = self._attention[row][np.clip(turn, 0, rules.row_length - 1)]
        worth = (seen * table.worth * is_taken).sum(axis=1)
        return Filling(is_taken, worth, is_taken.sum(axis=1))

    def stagewise(self) -> list[Chosen]:
        """Row by row the one that gains most, given the rows above."""
        used, rows, blocked = self._used.copy(), list[Chosen](), self._blocked_at_start()
        for row in range(self._rules.rows):
            filling = self.filling(row, used)
            can = ~blocked & (filling.length >= self._rules.min_row_length)
            pinned = self._pinned(row, can)
            if not can.any():
                break
            if pinned is None:
                gain = filling.worth * (1 + self._rules.diversity * self._unlike(rows))
                pinned = int(np.where(can, gain, -np.inf).argmax())
            rows.append(self._take(pinned, filling, used, blocked))
        return rows

    def laid(self, order: Sequence[int]) -> list[Chosen]:
        """Rows in a given order, pinned ones at their place; too short ones are passed over."""
        used, rows, blocked = self._used.copy(), list[Chosen](), self._blocked_at_start()
        waiting = list(order)
        while waiting and len(rows) < self._rules.rows:
            filling = self.filling(len(rows), used)
            can = ~blocked & (filling.length >= self._rules.min_row_length)
            pinned = self._pinned(len(rows), can)
            c = waiting.pop(0) if pinned is None else pinned
            if can[c]:
                rows.append(self._take(c, filling, used, blocked))
        return rows

    def whole(self) -> list[Chosen]:
        """From the stage-wise page, other orders and other rows as long as the whole page gains."""
        best = self.stagewise()
        total, tries = self._total(best), 0
        order = [row.candidate for row in best]
        spare = [c for c in range(len(self._templates)) if c not in order]
        for i in range(len(order)):
            changes = [self._swapped(order, i, j) for j in range(i + 1, len(order))]
            changes += [[*order[:i], c, *order[i + 1 :]] for c in spare[:6]]
            for change in changes:
                tries += 1
                page = self.laid(change)
                if tries <= NUM_TRIES and self._total(page) > total + 1e-12:
                    best, total, order = page, self._total(page), change
        return best

    def _total(self, rows: Sequence[Chosen]) -> float:
        """Worth of a page, unlike rows counted higher as the stage-wise strategy does."""
        total = 0.0
        for n, row in enumerate(rows):
            total += row.worth * (1 + self._rules.diversity * float(self._unlike(rows[:n])[row.candidate]))
        return total

    def _unlike(self, rows: Sequence[Chosen]) -> NDArray[np.float64]:
        """How far each candidate [C] is from the nearest row chosen."""
        if not rows:
            return np.ones(len(self._templates))
        nearest: NDArray[np.float64] = self._table.likeness[:, [row.candidate for row in rows]].max(axis=1)
        return 1 - nearest

    def _blocked_at_start(self) -> NDArray[np.bool_]:
        return np.array([self._rules.cap(template) < 1 for template in self._templates])

    def _pinned(self, row: int, can: NDArray[np.bool_]) -> int | None:
        """The candidate that must stand in this row."""
        for c, template in enumerate(self._templates):
            if self._rules.pins.get(template) == row and can[c]:
                return c
        return None

    def _take(self, c: int, filling: Filling, used: NDArray[np.bool_], blocked: NDArray[np.bool_]) -> Chosen:
        places = self._table.places[c][filling.is_taken[c]]
        used[places] = True
        blocked[c] = True
        template = self._templates[c]
        same = np.array([each == template for each in self._templates])
        if int((blocked & same).sum()) >= self._rules.cap(template):
            blocked |= same
        return Chosen(c, places, float(filling.worth[c]))

    @staticmethod
    def _swapped(order: Sequence[int], i: int, j: int) -> list[int]:
        changed = list(order)
        changed[i], changed[j] = changed[j], changed[i]
        return changed
