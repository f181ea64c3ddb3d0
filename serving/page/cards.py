"""Titles of chosen rows as the page shows them: with variant, call to action, score and facts.

Shapes: P titles of the pool, T titles of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from serving.items import ItemTable
from serving.page.candidates import RowCandidate
from serving.page.messages import Billboard, PageItem, PageRow
from serving.page.moment import Moment
from serving.page.parts import PageParts
from serving.page.pool import Pool
from serving.page.presentation import Look, Presenter
from serving.page.strategies import Chosen


class Cards:
    """Lays out one page; every variant is chosen in one go."""

    def __init__(
        self, parts: PageParts, items: ItemTable, presenter: Presenter, pool: Pool, moment: Moment, look: Look
    ) -> None:
        self._parts = parts
        self._ids = items.ids
        self._presenter = presenter
        self._pool = pool
        self._moment = moment
        self._look = look

    def page(
        self,
        rows: Sequence[RowCandidate],
        chosen: Sequence[Chosen],
        featured: int | None,
        pins: Mapping[str, int],
    ) -> tuple[Billboard | None, list[PageRow]]:
        """The billboard with the title at place `featured`, and the chosen ones of the candidates `rows`."""
        first = [] if featured is None else [featured]
        places = np.concatenate([np.array(first, dtype=np.int64), *(each.places for each in chosen)])
        items = self._items(places, [0] * len(first) + [p for c in chosen for p in range(len(c.places))])
        billboard = Billboard("billboard", "Your best match at this moment", items.pop(0)) if first else None
        shown, start = list[PageRow](), 0
        for each in chosen:
            row, end = rows[each.candidate], start + len(each.places)
            pinned, worth = pins.get(row.template) == len(shown), round(each.worth, 6)
            shown.append(PageRow(row.row_id, row.template, row.title, row.reason, items[start:end], pinned, worth))
            start = end
        return billboard, shown

    def _items(self, places: NDArray[np.int64], positions: Sequence[int]) -> list[PageItem]:
        """The titles at the places [T] of the pool."""
        rows, look = self._pool.rows[places], self._look
        catalogue, titles = self._parts.catalogue, self._parts.titles
        names, ids = catalogue.titles(rows), self._ids(rows)
        genres, maturity = catalogue.genre_labels, catalogue.maturity_labels
        variants = self._presenter.variants(rows, ids, look)
        progress, seen = self._moment.progress, np.isin(rows, self._moment.seen).tolist()
        appeals = np.round(self._pool.appeal[places], 6).tolist()
        return [
            PageItem(
                ids[t], names[t], positions[t], variants[t].variant,
                self._presenter.call_to_action(row, progress.get(row), seen[t], look.ts_ms), appeals[t],
                round(variants[t].propensity, 6), genres[row], maturity[row], titles.year[row], titles.minutes[row],
                progress.get(row), variants[t].preview,
            )
            for t, row in enumerate(rows.tolist())
        ]  # fmt: skip


def checked(
    page: tuple[Billboard | None, list[PageRow]], forbidden: set[str]
) -> tuple[Billboard | None, list[PageRow]]:
    """The page without titles of these ids."""
    billboard, rows = page
    if forbidden:
        rows = [_only(row, forbidden) for row in rows]
        billboard = None if billboard is not None and billboard.item.item_id in forbidden else billboard
    return billboard, rows


def items_of(page: tuple[Billboard | None, list[PageRow]]) -> list[PageItem]:
    """Every title that the page shows."""
    billboard, rows = page
    return [item for row in rows for item in row.items] + ([] if billboard is None else [billboard.item])


def _only(row: PageRow, forbidden: set[str]) -> PageRow:
    items = [item for item in row.items if item.item_id not in forbidden]
    return PageRow(row.row_id, row.template, row.title, row.reason, items, row.pinned, row.score)
