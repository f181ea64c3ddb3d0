"""How small a page may be: what pages of several sizes are worth to viewers, and the smallest that loses little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Sizes

LOSS = 0.03


class Choice(NamedTuple):
    """Mean worth of a page of these sizes, as a share of the largest page's."""

    sizes: Sizes
    num_slots: int
    share: float


def limited_choice(home: Homepage, queries: Sequence[PageQuery], sizes: Sequence[Sizes]) -> list[Choice]:
    """A report by number of slots, fewest first; worth is appeal seen, as the attention of the queries has it."""
    ordered = sorted(sizes, key=lambda each: each.rows * each.row_length)
    worth = [float(np.mean([_worth(home, query, each) for query in queries])) for each in ordered]
    most = max(*worth, 1e-12)
    return [Choice(each, each.rows * each.row_length, value / most) for each, value in zip(ordered, worth, strict=True)]


def smallest(report: Sequence[Choice], loss: float = LOSS) -> Choice:
    """The smallest page within `loss` of the largest worth."""
    return next(each for each in report if each.share >= 1 - loss)


def _worth(home: Homepage, query: PageQuery, sizes: Sizes) -> float:
    asked = PageQuery(query.user_id, query.ts_ms, query.context, query.seed, query.strategy, query.attention, sizes)
    return sum(row.score for row in home.page(asked).rows)
