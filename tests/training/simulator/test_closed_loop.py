from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.bundle import Bundle
from tests.bundles import publish_tiny
from tests.training.simulator.moments import evenings
from training.errors import UsageError
from training.simulator.appeal import takes
from training.simulator.artwork import Artwork
from training.simulator.attention import KERNELS
from training.simulator.closed_loop import LoopConfig, bundle_policy, closed_loop, households
from training.simulator.config import preset
from training.simulator.draws import Draws
from training.simulator.log import Simulated, write_world
from training.simulator.outcomes import as_text, gain_share, in_words, outcome_bars, outcome_metrics
from training.simulator.policies import OraclePolicy, Pages, Policy, Request, Yardstick
from training.simulator.state import State
from training.simulator.tally import effective_size

EVERYBODY = LoopConfig(days=7, num_viewers=None)
ROW = 6


class FirstRowAgain(Yardstick):
    """The oracle's first row in every row."""

    name = "first row again"

    def pages(self, request: Request, num_slots: int) -> Pages:
        best = OraclePolicy().pages(request, num_slots)
        return best._replace(items=np.tile(best.items[:, :ROW], (1, num_slots // ROW)))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """A world of more viewers, so that policies can be told apart."""
    return write_world(replace(preset("tiny"), num_viewers=600), 3, tmp_path_factory.mktemp("busy")).simulated


@pytest.mark.parametrize("kernel", [kernel.name for kernel in KERNELS])
def test_policies_stand_in_their_order_under_every_kernel(busy: Simulated, kernel: str) -> None:
    config = replace(EVERYBODY, kernel=kernel)
    random, popularity, oracle = (
        closed_loop(busy, name, (1, 2), config).metrics() for name in ("random", "popularity", "oracle")
    )
    assert random["plays_per_session"] < popularity["plays_per_session"] < oracle["plays_per_session"]
    assert random["monthly_churn"] > popularity["monthly_churn"] > oracle["monthly_churn"]
    assert oracle["abandonment"] < popularity["abandonment"]
    assert random["effective_catalogue"] > popularity["effective_catalogue"]


@pytest.mark.parametrize("kernel", [kernel.name for kernel in KERNELS])
def test_duplicate_rows_never_help(busy: Simulated, kernel: str) -> None:
    """A second look at the best titles is worth less than a first look at the next best."""
    config = replace(EVERYBODY, kernel=kernel)
    repeated, whole = (
        closed_loop(busy, policy, (1,), config).metrics()
        for policy in (lambda simulated, state, draws: FirstRowAgain(), "oracle")
    )
    assert repeated["plays_per_session"] < 0.97 * whole["plays_per_session"]


def test_a_title_seen_twice_is_not_asked_twice(busy: Simulated) -> None:
    """Where the whole first row is looked at, rows that repeat it bring no play at all."""
    sessions = evenings(busy.world)
    items = np.broadcast_to(np.arange(ROW), (len(sessions.viewer), ROW))
    odds = np.full(items.shape, -2.0, dtype=np.float32)
    draws = busy.world.draws()
    once = takes(draws, sessions, items, odds).any(axis=1)
    thrice = takes(draws, sessions, np.tile(items, (1, 3)), np.tile(odds, (1, 3))).any(axis=1)
    assert np.array_equal(once, thrice)


def test_without_artwork_effects_artwork_gains_nothing(tmp_path: Path) -> None:
    world = write_world(replace(preset("tiny"), artwork_scale=0.0), 0, tmp_path).simulated
    outcomes = [closed_loop(world, "popularity", (1,), replace(EVERYBODY, artwork=artwork)) for artwork in Artwork]
    assert outcomes[0].metrics() == outcomes[1].metrics() == outcomes[2].metrics()


def test_with_artwork_effects_the_right_image_gains(busy: Simulated) -> None:
    plain, best = (
        closed_loop(busy, "popularity", (1,), replace(EVERYBODY, artwork=artwork)).metrics()["plays_per_session"]
        for artwork in (Artwork.RANDOM, Artwork.ORACLE)
    )
    assert best > plain * 1.05


def test_a_course_of_life_repeats_with_its_seed_and_leaves_the_start_alone(tiny: Simulated) -> None:
    before = tiny.state.copy()
    first, same, other = (closed_loop(tiny, "popularity", (seed,), EVERYBODY).metrics() for seed in (1, 1, 2))
    assert first == same != other
    assert np.array_equal(before.seen, tiny.state.seen)


def test_households_are_taken_whole(busy: Simulated) -> None:
    account = busy.world.viewers.account
    who = households(busy, 100)
    assert 100 <= len(who) < 110
    assert set(np.flatnonzero(np.isin(account, account[who]))) == set(who.tolist())


def test_intervals_narrow_with_the_number_of_viewers(busy: Simulated) -> None:
    few, many = (closed_loop(busy, "oracle", (1,), LoopConfig(7, count)) for count in (60, 600))
    assert few.interval("plays_per_session").half > 2 * many.interval("plays_per_session").half
    assert closed_loop(busy, "oracle", (1, 2), LoopConfig(7, 600)).interval("monthly_churn").half > 0


def test_outcomes_are_shown_as_text_figures_and_a_plot(tiny: Simulated) -> None:
    outcomes = [closed_loop(tiny, name, (1,), EVERYBODY) for name in ("random", "popularity", "oracle")]
    text = as_text(outcomes)
    assert all(word in text for word in ("attention: geometric", "popularity", "plays/session", "churn/month"))
    assert gain_share(outcomes[1], outcomes) == 0
    assert gain_share(outcomes[2], outcomes) == 1
    assert gain_share(outcomes[0], outcomes[:1]) is None
    assert "loop/geometric/oracle/plays_per_session" in outcome_metrics(outcomes)
    assert len(outcome_bars(outcomes).axes) == 2


def test_effective_size_counts_equally_played_titles() -> None:
    assert effective_size(np.array([5.0, 5, 5, 5, 0])) == pytest.approx(4)
    assert effective_size(np.zeros(3)) == 0


def test_a_bundle_of_another_world_is_refused(tiny: Simulated, tmp_path: Path) -> None:
    publish_tiny(tmp_path)
    with pytest.raises(UsageError, match="train it on the log of this very world"):
        closed_loop(tiny, bundle_policy(Bundle.load(tmp_path)), (1,), EVERYBODY)


def test_an_unknown_policy_is_named(tiny: Simulated) -> None:
    with pytest.raises(UsageError, match="unknown policy 'magic'; choose random, popularity, house, oracle"):
        closed_loop(tiny, "magic")


def test_a_policy_may_be_made_by_hand(tiny: Simulated) -> None:
    def maker(simulated: Simulated, state: State, draws: Draws) -> Policy:
        return OraclePolicy()

    assert closed_loop(tiny, maker, (1,), EVERYBODY).metrics() == closed_loop(tiny, "oracle", (1,), EVERYBODY).metrics()


def test_the_result_is_told_in_words(tiny: Simulated) -> None:
    outcomes = [closed_loop(tiny, name, (1,), EVERYBODY) for name in ("popularity", "oracle")]
    assert in_words(outcomes) == []
    ours = replace(outcomes[1], policy="towers + ranker")
    [sentence] = in_words([outcomes[0], ours, outcomes[1]])
    assert "100 % of what there was to gain (geometric)." in sentence
