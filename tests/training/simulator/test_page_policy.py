"""Whole pages in the closed loop, from the code that serves them."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from ranking.artwork import ArtworkBandit
from serving.bundle import Bundle
from serving.page.parts import PageParts
from towers.vocabulary import UNKNOWN
from training.simulator.appeal import image_appeal
from training.simulator.attention import kernel
from training.simulator.closed_loop import LoopConfig, closed_loop
from training.simulator.draws import Draws
from training.simulator.expected_plays import play_chance
from training.simulator.log import Simulated
from training.simulator.page_panel import PagePanel
from training.simulator.page_policy import PagePolicy, PagePolicyConfig
from training.simulator.policies import EMPTY, Pages, Policy, RandomPolicy, Request, certain
from training.simulator.state import State
from training.simulator.world import World

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


def test_a_panel_judges_every_policy_by_the_same_requests(tiny: Simulated, bundle: Bundle) -> None:
    """Titles that repeat are worth less, also to few viewers; to this bundle, which hardly learned, order is little."""
    configs = {
        "stagewise": PagePolicyConfig(),
        "any order": PagePolicyConfig(shuffles=True),
        "repeated": PagePolicyConfig(may_repeat=True),
    }
    panel = PagePanel.watching(bundle, tiny.world, tiny.events, configs, "stagewise", kernel("geometric"))
    closed_loop(tiny, panel.made, (1,), LOOP)
    means = {name: float(np.mean(each)) for name, each in panel.chances.items()}
    assert len({len(each) for each in panel.chances.values()}) == 1
    assert 0 < means["repeated"] < means["stagewise"] < 1
    assert means["repeated"] < means["any order"] != means["stagewise"]


def test_the_chance_of_a_play_is_how_often_viewers_play(tiny: Simulated, world: World) -> None:
    """One title in one slot, seen for certain: its chance is its odds; twice the same title is no more."""
    asked = list[Request]()

    class Noted(RandomPolicy):
        def pages(self, request: Request, num_slots: int) -> Pages:
            asked.append(request.only(0))
            return super().pages(request, num_slots)

    closed_loop(tiny, lambda _simulated, _state, draws: Noted(draws), (1,), LOOP)
    one, slots = asked[0], world.config.num_slots
    glanced = np.ones((8, world.config.num_rows, world.config.num_columns), dtype=np.bool_)
    items = np.full((1, slots), EMPTY)
    items[0, 0] = 7
    images = np.zeros((1, slots), dtype=np.int64)
    odds = one.odds[0, 7] + image_appeal(world, one.sessions, np.array([[7]]), np.array([[0]]))[0, 0]
    once = play_chance(world, one, certain(items, 0)._replace(images=images), glanced)
    items[0, 1] = 7
    twice = play_chance(world, one, certain(items, 0)._replace(images=images), glanced)
    assert once == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-5)
    assert twice == pytest.approx(once)
