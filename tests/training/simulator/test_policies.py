from __future__ import annotations

import numpy as np
import pytest

from tests.training.simulator.moments import evenings
from training.simulator.appeal import attractions, utilities
from training.simulator.policies import (
    HousePolicy,
    OraclePolicy,
    Policy,
    PopularityPolicy,
    RandomPolicy,
    Request,
)
from training.simulator.state import State
from training.simulator.world import World


def request_of(world: World, state: State) -> Request:
    sessions = evenings(world)
    odds = attractions(world, sessions, utilities(world, sessions), state.tired[sessions.profile])
    rng = np.random.default_rng(0)
    return Request(sessions, 0, odds, rng.random(odds.shape) < 0.8, sessions.start_ms)


def policies(world: World, state: State) -> list[Policy]:
    draws = world.draws()
    return [RandomPolicy(draws), PopularityPolicy(state), OraclePolicy(), HousePolicy(world, state, draws)]


@pytest.mark.parametrize("number", range(4))
def test_a_page_holds_allowed_titles_each_once(world: World, number: int) -> None:
    state = State.start(world)
    policy, request = policies(world, state)[number], request_of(world, state)
    pages = policy.pages(request, 24)
    assert pages.items.shape == (len(request.odds), 24)
    assert np.take_along_axis(request.allowed, pages.items, axis=1).all()
    assert (np.diff(np.sort(pages.items, axis=1), axis=1) > 0).all()
    assert np.all((pages.propensity > 0) & (pages.propensity <= 1))


def test_logged_propensities_are_those_of_the_choice(world: World) -> None:
    """The inverse of the propensity of what was drawn has the number of titles as its mean, in every slot."""
    state = State.start(world)
    policy, request = HousePolicy(world, state, world.draws()), request_of(world, state)
    request = request._replace(allowed=np.ones_like(request.allowed))
    inverse = np.concatenate([1 / policy.pages(request._replace(visit=visit), 24).propensity for visit in range(40)])
    left = world.titles.num_titles - np.arange(24)
    assert inverse[:, :3].mean(axis=0) == pytest.approx(left[:3], rel=0.05)
    assert inverse[:, 23].mean() == pytest.approx(left[23], rel=0.05)
