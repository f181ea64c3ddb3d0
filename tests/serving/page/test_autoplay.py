from __future__ import annotations

import numpy as np
import pytest

from ranking.habits import HABITS, Habits
from serving.page.autoplay import GOES_ON, SAVES_DATA, STOPS, SWITCHED_OFF, TRIED, TRIES, UNKNOWN, decide, why_still
from serving.page.messages import Autoplay, Controls
from serving.page.presentation import Look
from serving.page.viewers import NOBODY
from towers.history import EMPTY_HISTORY


def habits(share: float, num: int) -> Habits:
    shares, nums = np.full(len(HABITS), np.nan), np.zeros(len(HABITS))
    shares[HABITS.index("next_episode")], nums[HABITS.index("next_episode")] = share, num
    return Habits(shares, np.zeros(len(HABITS)), nums, np.zeros(24), np.zeros(4))


def decided(controls: Controls, share: float, num: int, number: int = 0, device: str = "tv") -> Autoplay:
    look = Look(f"viewer-{number}", 0, 0, EMPTY_HISTORY, NOBODY, device, 20, why_still(controls, device))
    return decide(controls, habits(share, num), look)


def test_the_viewers_switches_go_above_habits() -> None:
    off = decided(Controls(autoplay_previews=False, autoplay_next_episode=False), 0.99, 500)
    assert (off.previews, off.next_episode, off.reason, off.propensity) == (False, False, SWITCHED_OFF, 1.0)
    waits = decided(Controls(autoplay_next_episode=False), 0.99, 500)
    assert (waits.previews, waits.next_episode) == (True, False)
    still = decided(Controls(autoplay_previews=False), 0.99, 500)
    assert not still.previews


def test_the_next_episode_starts_for_those_who_go_on_and_waits_for_those_who_stop() -> None:
    on = [decided(Controls(), 0.9, 200, n) for n in range(200)]
    stops = [decided(Controls(), 0.1, 200, n) for n in range(200)]
    assert np.mean([each.next_episode for each in on]) > 0.9
    assert np.mean([each.next_episode for each in stops]) < 0.1
    assert {each.reason for each in on if each.next_episode} == {GOES_ON}
    assert {each.reason for each in stops if not each.next_episode} == {STOPS}


def test_propensities_are_the_shares_of_the_decisions_and_both_are_tried() -> None:
    all_of_them = [decided(Controls(), 0.2, 6, n) for n in range(8000)]
    follows = np.mean([each.next_episode for each in all_of_them])
    assert follows == pytest.approx(TRIED, abs=0.003)
    assert follows > 0
    for each in all_of_them:
        assert each.propensity == pytest.approx(TRIED if each.next_episode else 1 - TRIED)
        assert (each.reason == TRIES) == each.next_episode


def test_of_a_stranger_nothing_is_claimed() -> None:
    stranger = decided(Controls(), np.nan, 0)
    assert (stranger.next_episode, stranger.reason, stranger.propensity) == (True, UNKNOWN, 1.0)
    phone = decided(Controls(), np.nan, 0, device="phone")
    assert (phone.previews, phone.reason) == (False, SAVES_DATA)
