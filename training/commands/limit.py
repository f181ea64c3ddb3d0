"""`marquee limit`: how small the homepage of a bundle may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.page.attention import MODELS
from serving.page.controls import MemorySettings
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Sizes
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewers
from training.errors import UsageError
from training.limited_choice import LOSS, limited_choice, smallest


@dataclass(frozen=True)
class LimitConfig:
    """Pages of `viewers` of the `bundle` under `attention`, of every number of `rows` with `row_length` titles; the
    largest counts as all there is, and `loss` is what the smallest may lose of it.
    """

    bundle: str | None = None
    viewers: int = 60
    attention: str = "geometric"
    rows: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 10, 12, 16)
    row_length: int = 12
    loss: float = LOSS


def limit(config: LimitConfig) -> None:
    """Print the worth of each size, and the smallest page that loses little."""
    if config.bundle is None or config.viewers < 1 or not config.rows:
        raise UsageError("no pages to compare; give bundle=FOLDER, viewers and rows")
    if config.attention not in MODELS:
        raise UsageError(f"attention is {config.attention!r}; choose {', '.join(MODELS)}")
    home = _home(Bundle.load(Path(config.bundle).expanduser()))
    queries = _queries(home, config)
    report = limited_choice(home, queries, [Sizes(rows, config.row_length, 1) for rows in config.rows])
    for each in report:
        print(f"{each.num_slots:5d} titles in {each.sizes.rows:2d} rows  {each.share:6.1%}")
    found = smallest(report, config.loss)
    print(
        f"{found.sizes.rows} rows of {found.sizes.row_length} lose no more than {config.loss:.0%} of the largest page"
    )


def _home(bundle: Bundle) -> Homepage:
    recommender = assemble(bundle, clock_ms=lambda: bundle.manifest.trained_until_ms)
    return Homepage(recommender, PageParts.load(bundle), LiveViewers(), MemorySettings())


def _queries(home: Homepage, config: LimitConfig) -> list[PageQuery]:
    """Of viewers spread over the bundle, at the end of training."""
    bundle = home.parts.bundle
    rows = bundle.viewers.item_rows
    some = rows[np.unique(np.linspace(0, len(rows) - 1, min(config.viewers, len(rows))).astype(np.int64))]
    now_ms = bundle.manifest.trained_until_ms
    return [PageQuery(user, now_ms, attention=config.attention) for user in bundle.viewers.ids(some)]
