"""A page without models: what is popular now, and the same within the largest genres; never a forbidden title.

Shapes: R item rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.messages import Stage
from serving.page.autoplay import by_switches
from serving.page.controls import read_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import PageItem, PageResponse, PageRow, Variant
from serving.page.variants import variant_id
from serving.page.viewers import NOBODY
from serving.pipeline import Stages

NUM_LOOKED_AT: Final = 1000
"""Of the order; rows of genres are made from what is left of them."""


class QuickPage:
    """Builds pages from the order of the two lowest rungs."""

    def __init__(self, home: Homepage) -> None:
        self._home = home

    def page(self, query: PageQuery) -> PageResponse:
        """What is popular; of what the viewer did it knows what was seen and refused, and the controls hold."""
        home, stages = self._home, Stages()
        controls = read_controls(home.settings, query.user_id)
        live = home.live.of(query.user_id) if controls.personalised else NOBODY
        order, step = home.recommender.fallback.order()
        ts_ms = home.recommender.fallback.now_ms() if query.ts_ms is None else query.ts_ms
        allowed = home.allowed(controls, live, ts_ms)
        history = home.recommender.state.history(query.user_id if controls.personalised else None)
        allowed[history.rows[history.rows < len(allowed)]] = False
        head = order[order < len(allowed)]
        rows = self._rows(head[allowed[head]][:NUM_LOOKED_AT], query, ts_ms)
        stages.note(step.value, len(rows))
        return PageResponse(
            request_id=query.request_id,
            model_version=home.recommender.version,
            user_id=query.user_id,
            billboard=None,
            rows=rows,
            autoplay=by_switches(controls, query.context.get("device", "")),
            stages=[Stage(each.name, each.kept, each.removed, round(each.ms, 4)) for each in stages.reports],
            degraded=True,
            is_new=len(history.rows) == 0,
            step=step,
        )

    def _rows(self, order: NDArray[np.int64], query: PageQuery, ts_ms: int) -> list[PageRow]:
        """One row of the best, then a row a genre of what is left, the largest first; no title stands twice."""
        sizes = query.sizes
        best, rest = order[: sizes.row_length].tolist(), order[sizes.row_length :].tolist()
        rows = [self._row("popular", "Popular", best, ts_ms)]
        by_genre: dict[str, list[int]] = {}
        for row in rest:
            for genre in self._home.parts.catalogue.genre_labels[row]:
                by_genre.setdefault(genre, []).append(row)
        shown: set[int] = set()
        for genre in sorted(by_genre, key=lambda genre: (-len(by_genre[genre]), genre)):
            titles = [row for row in by_genre[genre] if row not in shown][: sizes.row_length]
            if len(titles) >= sizes.min_row_length:
                shown.update(titles)
                rows.append(self._row(f"popular:{genre}", f"Popular: {genre}", titles, ts_ms))
        return [row for row in rows[: sizes.rows] if len(row.items) >= sizes.min_row_length]

    def _row(self, row_id: str, title: str, rows: Sequence[int], ts_ms: int) -> PageRow:
        ids = self._home.recommender.state.items.ids(np.array(rows, dtype=np.int64))
        items = [self._item(row, ids[place], place, ts_ms) for place, row in enumerate(rows)]
        return PageRow(row_id, "popular", title, "Chosen most of late", items)

    def _item(self, row: int, item_id: str, place: int, ts_ms: int) -> PageItem:
        """A title with its first image and line, which no chance chose."""
        titles, catalogue = self._home.parts.titles, self._home.parts.catalogue
        artworks, lines = titles.artworks[row], titles.lines[row]
        return PageItem(
            item_id=item_id,
            title=catalogue.titles(np.array([row]))[0],
            position=place,
            variant=Variant(variant_id(0, 0, len(lines)), artworks[0] if artworks else "", lines[0] if lines else ""),
            call_to_action=self._home.presenter.call_to_action(row, None, False, ts_ms),
            score=0.0,
            propensity=1.0,
            genres=catalogue.genre_labels[row],
            maturity=catalogue.maturity_labels[row],
            year=titles.year[row],
            minutes=titles.minutes[row],
        )
