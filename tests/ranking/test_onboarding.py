from __future__ import annotations

import numpy as np
import pytest

from ranking.newcomer import Newcomer
from ranking.onboarding import NOTHING_SAID, Answers, Asker
from tests.ranking.crowds import NUM_GROUPS, group_of, planted

NONE = np.empty(0, dtype=np.int64)


@pytest.fixture(scope="module")
def asker() -> Asker:
    crowd = planted()
    return Asker(crowd, Newcomer().fitted(crowd, np.random.default_rng(0)))


def test_the_popular_grid_asks_what_everybody_knows(asker: Asker) -> None:
    assert {group_of(asker.crowd, title) for title in asker.popular(12).tolist()} == {NUM_GROUPS}


def test_the_diverse_grid_asks_about_every_taste(asker: Asker) -> None:
    assert {group_of(asker.crowd, title) for title in asker.diverse(8).tolist()} >= set(range(NUM_GROUPS))


def test_an_answer_narrows_what_is_asked(asker: Asker) -> None:
    """But for the wish to ask about something new."""
    asker = Asker(asker.crowd, config=Asker.Config(spread=0.0))
    liked = asker.adaptive(1)[0]
    kind = group_of(asker.crowd, liked)
    after = asker.adaptive(10, Answers(np.array([liked]), NONE, np.array([liked])))
    before = asker.adaptive(11)[1:]
    of_its_kind = [sum(group_of(asker.crowd, t) == kind for t in grid.tolist()) for grid in (before, after)]
    assert of_its_kind[1] > of_its_kind[0]


@pytest.mark.parametrize("grid", ["popular", "diverse", "adaptive"])
def test_nothing_is_asked_twice_and_nothing_closed(asker: Asker, grid: str) -> None:
    asked = np.arange(0, 40, 3)
    is_open = np.arange(len(asker.crowd.rows)) % 2 == 0
    found = getattr(asker, grid)(30, Answers(asked[:2], asked[2:4], asked), is_open)
    assert len(set(found.tolist())) == len(found) == 30
    assert not np.isin(found, asked).any()
    assert is_open[found].all()


@pytest.mark.parametrize("grid", ["popular", "diverse", "adaptive"])
def test_a_long_grid_begins_with_the_short_one_and_ends_with_the_catalogue(asker: Asker, grid: str) -> None:
    ask = getattr(asker, grid)
    assert np.array_equal(ask(200)[:12], ask(12))
    assert len(ask(10_000)) == len(asker.crowd.rows)
    everything = Answers(NONE, NONE, np.arange(len(asker.crowd.rows)))
    assert len(ask(12, everything)) == 0


def test_likes_from_the_diverse_grid_find_more_than_likes_from_the_popular_one(asker: Asker) -> None:
    """On viewers whom the crowd does not hold: one like of each grid, then the first 25 titles."""
    crowd, strangers = asker.crowd, planted(seed=1)
    newcomer = Newcomer().fitted(crowd, np.random.default_rng(0))
    order = np.argsort(strangers.rows)
    hits = {}
    for name, grid in (("popular", asker.popular(60)), ("diverse", asker.diverse(60))):
        found = 0
        for likes in strangers.likes[:200, order]:
            liked = [t for t in grid.tolist() if likes[crowd.rows[t] - 2]][:1]
            lean = newcomer.lean(crowd.vectors[liked], np.ones(len(liked), np.bool_), crowd.centre)
            top = np.argsort(-(newcomer.prior(crowd.counts) + crowd.vectors @ lean))[:25]
            found += int(likes[crowd.rows[top] - 2].sum())
        hits[name] = found
    assert hits["diverse"] > 1.1 * hits["popular"]


def test_nothing_said_is_nothing_asked() -> None:
    assert all(len(part) == 0 for part in NOTHING_SAID)
