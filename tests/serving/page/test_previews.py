from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from ranking.artwork import ArtworkBandit
from serving.events import Event
from serving.page.artwork_learner import PreviewLearner
from serving.page.autoplay import PREVIEWS_OFF, SAVES_DATA
from serving.page.controls import MemorySettings
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Controls, PageItem
from serving.page.parts import PageParts
from serving.page.presentation import AS_BEFORE
from serving.page.previews import ARMS, MOVES_BETTER, STILL_BETTER, TRIED, features, told
from serving.page.viewers import LiveViewers
from serving.recommender import Recommender
from tests.bundles import item_id
from towers.schema import EventType

NOW_MS = 1_700_100_000_000


@pytest.fixture
def home(recommender: Recommender) -> Homepage:
    """Every title has one image."""
    bundle, live = recommender.bundle, LiveViewers()
    parts = PageParts.load(bundle)
    artworks = [["0: Drama"]] * bundle.spec.vocabulary.num_rows
    parts = replace(parts, titles=msgspec.structs.replace(parts.titles, artworks=artworks))
    home = Homepage(recommender, parts, live, MemorySettings())
    recommender.state.tell(live)
    recommender.state.tell(PreviewLearner(home.presenter.previews, home.imagery, recommender.state))
    return home


def items(home: Homepage, user_id: str = "v", device: str = "tv") -> list[PageItem]:
    page = home.page(PageQuery(user_id, NOW_MS, {"device": device, "hour": "20"}))
    assert page.billboard is not None
    return [page.billboard.item, *(item for row in page.rows for item in row.items)]


def plays(item: PageItem) -> bool:
    assert item.preview is not None
    return item.preview.plays


def taught(share_still: float, share_moving: float, row: int = 5) -> ArtworkBandit:
    """A bandit that saw 600 impressions of each arm of a title, one in three followed by a play."""
    bandit = ArtworkBandit.new(np.full(20, 2))
    for arm, share in enumerate((share_still, share_moving)):
        given = features(1, False, False)[0, arm]
        for _ in range(200):
            for _ in range(3):
                bandit.show(row, arm, given)
            bandit.play(row, arm, given, share, share)
    return bandit


def test_a_variant_says_whether_its_preview_plays_and_one_chance_covers_both(home: Homepage) -> None:
    for item in items(home):
        assert item.preview is not None
        assert item.variant.id.endswith("+p") == item.preview.plays
        assert item.propensity == pytest.approx(item.preview.propensity, abs=1e-5)  # one image, one line
        assert item.preview.reason == TRIED


def test_before_anything_is_learned_about_half_of_the_previews_play(home: Homepage) -> None:
    shares = [np.mean([plays(item) for item in items(home, f"viewer {n}")]) for n in range(30)]
    assert 0.35 < np.mean(shares) < 0.65


def test_the_viewers_switch_and_a_phone_keep_every_preview_still(home: Homepage) -> None:
    assert {item.preview.reason for item in items(home, device="phone") if item.preview} == {SAVES_DATA}
    home.settings.put("v", "controls", msgspec.json.encode(Controls(autoplay_previews=False)))
    shown = items(home)
    assert not any(plays(item) for item in shown)
    assert {item.preview.reason for item in shown if item.preview} == {PREVIEWS_OFF}


def test_what_was_seen_goes_on_as_it_was(home: Homepage) -> None:
    first = items(home)[0]
    other = first.variant.id.removesuffix("+p") + ("" if plays(first) else "+p")
    home.recommender.state.record(
        Event("v", first.item_id, NOW_MS - 1000, EventType.IMPRESSION, variant_id=other, propensity=0.25)
    )
    again = next(item for item in items(home) if item.item_id == first.item_id)
    assert (again.variant.id, again.propensity) == (other, 0.25)
    assert again.preview is not None
    assert again.preview.reason == AS_BEFORE


def test_events_teach_which_arm_was_seen(home: Homepage) -> None:
    bandit = home.presenter.previews
    for n, variant in enumerate(("0", "0+p", "0+p")):
        told_of = Event(f"u{n}", item_id(3), NOW_MS, EventType.IMPRESSION, variant_id=variant)
        home.recommender.state.record(told_of)
        home.recommender.state.record(told_of._replace(event=EventType.PLAY, watch_s=30, duration_s=60))
    row = int(home.recommender.state.items.rows([item_id(3)])[0])
    arms = bandit.offsets[row] + np.arange(2)
    assert bandit.shown[arms].tolist() == [1, 2]
    assert bandit.watched[arms].tolist() == [0.5, 1.0]


def test_a_preview_that_makes_viewers_leave_is_not_shown_and_a_good_one_is() -> None:
    given = features(1, False, False)
    bad = taught(0.8, 0.2).probabilities(np.array([5]), given)[0]
    good = taught(0.3, 0.9).probabilities(np.array([5]), given)[0]
    assert bad[1] < 0.05
    assert good[1] > 0.9
    assert told(False, bad[0], "").reason == STILL_BETTER
    assert told(True, good[1], "").reason == MOVES_BETTER


def test_a_preview_that_wins_presses_and_loses_viewers_is_guarded_against() -> None:
    """Three times the presses, of which next to nothing is watched."""
    row, given = np.array([5]), features(1, False, False)
    bandit = taught(0.6, 0.6)
    for _ in range(1200):
        bandit.play(5, 1, given[0, 1], 0.1, 1.0)
    assert bandit.probabilities(row, given)[0, 1] < 0.05
    bandit.guards = False
    assert bandit.probabilities(row, given)[0, 1] > 0.9
    assert len(ARMS) == 2
