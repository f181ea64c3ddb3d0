from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from ranking.watching import Watching, WatchLog
from serving.events import Event
from serving.page.controls import MemorySettings
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Controls, PageResponse, ProfileResponse
from serving.page.parts import PageParts
from serving.page.service import PageService
from serving.page.titles import TitleTable
from serving.page.viewers import LiveViewers
from serving.recommender import Recommender
from towers.schema import EventType

HOUR_MS = 3_600_000
EVENING_MS = 1_704_067_200_000 + 20 * HOUR_MS
SERIES, FILMS = (range(0, 60, 2), range(1, 60, 2))
"""Numbers of the titles of 22 minutes and of those of 105."""


@pytest.fixture
def home(recommender: Recommender) -> Homepage:
    """Even rows are series of 22 minutes, odd ones films."""
    bundle, live = recommender.bundle, LiveViewers()
    count = bundle.spec.vocabulary.num_rows
    titles = msgspec.structs.replace(
        TitleTable.unknown(count),
        kind=["series" if row % 2 == 0 else "film" for row in range(count)],
        minutes=[22 if row % 2 == 0 else 105 for row in range(count)],
    )
    recommender.state.tell(live)
    parts = replace(PageParts.load(bundle), titles=titles, watched=everybody())
    return Homepage(recommender, parts, live, MemorySettings())


def everybody() -> WatchLog:
    """Twenty viewers of all kinds, twelve titles each on twelve days."""
    rng = np.random.default_rng(5)
    rows = np.concatenate([rng.choice(2 + rng.permutation(40)[: 1 + n], 12) for n in range(20)])
    times = np.tile(np.arange(12) * 24 * HOUR_MS, 20)
    plain = Watching.plain(rows, times, np.full(240, 8, dtype=np.int8))
    episodes = np.repeat(rng.integers(1, 4, 20), 12).astype(np.int8)
    return WatchLog(np.arange(21) * 12, plain._replace(episodes=episodes))


def tell(home: Homepage, events: Iterable[Event]) -> None:
    for event in events:
        home.recommender.state.record(event)


def plays(numbers: Iterable[int], gap_h: float, share: float = 1.0, device: str = "tv") -> list[Event]:
    return [
        Event("v", f"item-{number:04d}", EVENING_MS + int(n * gap_h * HOUR_MS), EventType.PLAY,
              watch_s=100 * share, duration_s=100, device=device, context={"companions": "together"})
        for n, number in enumerate(numbers)
    ]  # fmt: skip


def profile(home: Homepage) -> ProfileResponse:
    return PageService(home).profile("v")


def page(home: Homepage) -> PageResponse:
    return home.page(PageQuery("v", EVENING_MS + 1000 * HOUR_MS))


def templates(home: Homepage) -> list[str]:
    return [row.template for row in page(home).rows]


def test_nothing_is_said_of_a_stranger_but_what_everybody_does(home: Homepage) -> None:
    answer = profile(home)
    assert answer.words == ["Nothing is known yet"]
    assert answer.num_events == 0
    usual = {each.name: each.share for each in answer.usual}
    assert (answer.binge, answer.short_form) == (usual["binge"], usual["short_form"])
    assert answer.pauses is None


def test_episodes_in_a_row_are_a_binge_and_single_ones_are_not(home: Homepage) -> None:
    tell(home, plays([0, 2, 4, 6] * 6, 0.5))
    binger = profile(home)
    assert binger.binge is not None
    tell(home, [Event("v", "", EVENING_MS + 100 * HOUR_MS, EventType.RESET)])
    later = [each._replace(ts_ms=each.ts_ms + 216 * HOUR_MS) for each in plays([0, 2, 4, 6] * 6, 24)]
    tell(home, later)
    casual = profile(home)
    assert casual.binge is not None
    assert casual.binge < binger.binge
    assert "Mostly watches in the evening" in casual.words


def test_one_event_moves_the_profile_a_little_and_many_move_it_far(home: Homepage) -> None:
    stranger = profile(home).short_form
    tell(home, plays([0], 24))
    one = profile(home).short_form
    tell(home, plays(list(SERIES), 24))
    many = profile(home).short_form
    assert stranger is not None
    assert one is not None
    assert many is not None
    assert stranger < one < many
    assert one - stranger < 0.5 * (many - stranger)


def test_devices_company_and_pauses_come_from_events(home: Homepage) -> None:
    begun = plays([1, 3, 5], 24) + [each._replace(ts_ms=each.ts_ms + 99) for each in plays([7], 24, device="phone")]
    tell(home, sorted(begun, key=lambda each: each.ts_ms))
    tell(home, [Event("v", "item-0001", EVENING_MS + 60_000, EventType.PAUSE)])
    answer = profile(home)
    assert [each.name for each in answer.devices][:2] == ["tv", "phone"]
    assert answer.pauses == 0.25
    assert answer.together == 1
    assert "Uses the tv most" in answer.words


def test_the_profile_forgets_what_was_removed_hidden_or_reset(home: Homepage) -> None:
    before = profile(home)
    tell(home, plays([0, 2], 24))
    known = profile(home)
    home.settings.put("v", "controls", msgspec.json.encode(Controls(hidden_items=["item-0002"])))
    assert profile(home).num_events == 1
    home.settings.put("v", "controls", msgspec.json.encode(Controls()))
    assert profile(home) == known
    tell(home, [Event("v", "item-0002", EVENING_MS + 30 * HOUR_MS, EventType.REMOVE_FROM_HISTORY)])
    assert profile(home).num_events == 1
    tell(home, [Event("v", "", EVENING_MS + 31 * HOUR_MS, EventType.RESET)])
    assert profile(home) == before


def test_short_titles_have_a_row_for_those_who_choose_them(home: Homepage) -> None:
    tell(home, plays(list(FILMS)[:10] * 3, 24))
    assert "short_titles" not in templates(home)
    tell(home, [Event("v", "", EVENING_MS + 800 * HOUR_MS, EventType.RESET)])
    tell(home, [each._replace(ts_ms=each.ts_ms + 801 * HOUR_MS) for each in plays(list(SERIES)[:6] * 4, 4)])
    rows = {row.template: row for row in page(home).rows}
    assert all(item.minutes == 22 for item in rows["short_titles"].items)
    assert rows["short_titles"].reason == "You often choose short titles"


def test_series_have_a_row_for_those_who_watch_several_episodes(home: Homepage) -> None:
    tell(home, plays(list(SERIES)[:12] * 2, 24))
    assert "series_in_a_row" not in templates(home)
    tell(home, [Event("v", "", EVENING_MS + 600 * HOUR_MS, EventType.RESET)])
    sittings = [each for day in range(8) for each in sitting(601 + 24 * day)]
    tell(home, sittings)
    assert "series_in_a_row" in templates(home)


def sitting(start_h: int) -> list[Event]:
    """Four episodes in a row."""
    return [each._replace(ts_ms=each.ts_ms + start_h * HOUR_MS) for each in plays([0, 2, 4, 6], 0.5)]


def test_continue_watching_stands_first_only_for_those_who_go_on(home: Homepage) -> None:
    again = [1, 3, 5, 7, 9, 11] * 4
    tell(home, plays(again, 24, share=0.5))
    assert page(home).rows[0].template == "continue_watching"
    assert page(home).rows[0].pinned
    tell(home, [Event("v", "", EVENING_MS + 700 * HOUR_MS, EventType.RESET)])
    new = [each._replace(ts_ms=each.ts_ms + 701 * HOUR_MS) for each in plays(range(40), 7, share=0.5)]
    tell(home, new)
    assert not any(row.pinned for row in page(home).rows)
