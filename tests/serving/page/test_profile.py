from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.bundle import Bundle
from serving.events import Event
from serving.page.parts import PageParts
from serving.page.profile import profile
from serving.page.titles import TitleTable
from towers.history import EMPTY_HISTORY, History
from towers.schema import EventType

HOUR_MS = 3_600_000
EVENING_MS = 1_704_067_200_000 + 20 * HOUR_MS


@pytest.fixture
def parts(tiny_bundle: Bundle) -> PageParts:
    """Even rows are series of 22 minutes, odd ones films."""
    count = tiny_bundle.spec.vocabulary.num_rows
    titles = replace_struct(
        TitleTable.unknown(count),
        kind=["series" if row % 2 == 0 else "film" for row in range(count)],
        minutes=[22 if row % 2 == 0 else 105 for row in range(count)],
    )
    return replace(PageParts.load(tiny_bundle), titles=titles)


def replace_struct(table: TitleTable, **changes: list[str] | list[int]) -> TitleTable:
    import msgspec

    return msgspec.structs.replace(table, **changes)


def history(rows: list[int], gap_ms: int, share: int = 11) -> History:
    times = EVENING_MS + gap_ms * np.arange(len(rows))
    return History.of(np.array(rows), times, None, np.full(len(rows), share, dtype=np.int8))


def test_nothing_is_said_of_a_stranger(parts: PageParts) -> None:
    answer = profile("v", EMPTY_HISTORY, (), parts)
    assert answer.words == ["Nothing is known yet"]
    assert answer.binge is answer.completion is answer.together is None


def test_three_episodes_in_a_row_are_a_binge(parts: PageParts) -> None:
    binger = profile("v", history([2, 4, 6, 8], HOUR_MS // 2), (), parts)
    casual = profile("v", history([2, 4, 6, 8], 24 * HOUR_MS), (), parts)
    assert binger.binge == 1
    assert casual.binge == 0
    assert "Watches several episodes in a row" in binger.words
    assert "Mostly watches in the evening" in casual.words


def test_lengths_and_shares_speak(parts: PageParts) -> None:
    short = profile("v", history([2, 4, 6], 24 * HOUR_MS, share=10), (), parts)
    film = profile("v", history([3, 5, 7], 24 * HOUR_MS, share=2), (), parts)
    assert (short.short_form, film.short_form) == (1, 0)
    assert (short.completion, film.completion) == (0.95, 0.15)
    assert "Leaves much unfinished" in film.words


def test_devices_company_and_pauses_come_from_events(parts: PageParts) -> None:
    events = [
        Event(
            "v", "item-0001", n, EventType.PLAY, device="tv" if n < 3 else "phone", context={"companions": "together"}
        )
        for n in range(4)
    ]
    events += [Event("v", "item-0001", 9, EventType.PAUSE, context={"companions": "alone"})] * 4
    answer = profile("v", EMPTY_HISTORY, events, parts)
    assert [(each.name, each.share) for each in answer.devices] == [("tv", 0.75), ("phone", 0.25)]
    assert answer.pauses_per_play == 1
    assert answer.together == 0.5
    assert "Uses the tv most" in answer.words
