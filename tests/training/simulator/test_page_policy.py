"""Whole pages in the closed loop, from the code that serves them."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from ranking.artwork import ArtworkBandit
from serving.bundle import Bundle
from serving.page.parts import PageParts
from towers.vocabulary import UNKNOWN
from training.simulator.closed_loop import LoopConfig, closed_loop
from training.simulator.draws import Draws
from training.simulator.log import Simulated
from training.simulator.page_policy import PagePolicy, PagePolicyConfig
from training.simulator.policies import EMPTY, Pages, Policy, Request
from training.simulator.state import State

LOOP = LoopConfig(days=2, num_viewers=60)


class Watched(PagePolicy):
    """Notes the pages that were asked for."""

    asked: list[tuple[Request, Pages]]

    def pages(self, request: Request, num_slots: int) -> Pages:
        pages = super().pages(request, num_slots)
        self.asked.append((request, pages))
        return pages


def lived(tiny: Simulated, bundle: Bundle, config: PagePolicyConfig) -> Watched:
    made = Watched.open(bundle, tiny.world, tiny.events, config, "watched")
    assert isinstance(made, Watched)
    made.asked = []

    def maker(simulated: Simulated, state: State, draws: Draws) -> Policy:
        return made

    closed_loop(tiny, maker, (1,), LOOP)
    return made


@pytest.mark.parametrize("strategy", ["template", "stagewise"])
def test_pages_hold_allowed_titles_once(tiny: Simulated, bundle: Bundle, strategy: str) -> None:
    watched = lived(tiny, bundle, PagePolicyConfig(strategy=strategy))
    assert watched.asked
    for request, pages in watched.asked:
        for allowed, items in zip(request.allowed, pages.items, strict=True):
            shown = items[items != EMPTY]
            assert allowed[shown].all()
            assert len(shown) == len(set(shown.tolist()))


def test_what_viewers_see_teaches_the_images(tiny: Simulated, bundle: Bundle) -> None:
    before = ArtworkBandit.load(bundle.folder)
    assert before is not None
    watched = lived(tiny, bundle, PagePolicyConfig())
    after = watched._home.presenter.bandit
    assert after.shown.sum() > before.shown.sum() > 0
    assert after.plays.sum() > before.plays.sum()
    assert all(np.all((pages.propensity > 0) & (pages.propensity <= 1)) for _, pages in watched.asked)


def test_the_bundle_knows_its_titles(bundle: Bundle) -> None:
    parts = PageParts.load(bundle)
    row = bundle.spec.vocabulary.item_rows[0]
    assert len(parts.titles.artworks[row]) == 4
    assert len(parts.titles.lines[row]) == 3
    assert parts.titles.minutes[row]
    assert parts.genres is not None
    assert parts.segments is not None


def test_the_log_teaches_every_impression_and_play(tiny: Simulated, bundle: Bundle) -> None:
    bandit = ArtworkBandit.load(bundle.folder)
    assert bandit is not None
    table = pq.read_table(tiny.events, columns=["event", "item_id", "ts_ms", "variant_id"]).to_pandas()
    table = table[(table["ts_ms"] <= bundle.manifest.trained_until_ms) & table["variant_id"].notna()]
    table = table[bundle.spec.vocabulary.rows(table["item_id"].tolist()) != UNKNOWN]
    assert bandit.shown.sum() == (table["event"] == "impression").sum()
    assert bandit.plays.sum() == (table["event"] == "play").sum()
