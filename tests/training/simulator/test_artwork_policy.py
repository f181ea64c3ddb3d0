from __future__ import annotations

import numpy as np
import pytest

from training.simulator.artwork import Artwork
from training.simulator.artwork_policy import ArtworkLearner, ArtworkPolicy
from training.simulator.attention import kernel
from training.simulator.events import EventBlock, joined
from training.simulator.log import Simulated
from training.simulator.policies import HousePolicy
from training.simulator.service import Service
from training.simulator.state import State
from training.simulator.tally import Tally


@pytest.fixture(scope="module")
def learner(tiny: Simulated) -> ArtworkLearner:
    """One that heard of every event of the log."""
    found, state, draws = ArtworkLearner(tiny), State.start(tiny.world), tiny.world.draws()
    policy, tally = HousePolicy(tiny.world, state, draws), Tally.empty(tiny.world)
    service = Service(tiny.world, state, draws, policy, kernel("geometric"), Artwork.RANDOM, tally)
    for _ in range(tiny.world.config.num_days):
        blocks: list[EventBlock] = []
        service.live(np.arange(len(tiny.world.viewers.rate)), blocks.append)
        block = joined(blocks)
        found.learn(block)
    return found


def test_images_that_fit_the_taste_are_found_to_be_worth_more(learner: ArtworkLearner) -> None:
    profiles, items = np.arange(50), np.arange(50)
    nothing = np.zeros(50, dtype=np.bool_)
    features = learner.features(profiles, items, nothing, nothing)
    chances = learner.bandit.probabilities(items, features)
    assert np.corrcoef(chances.ravel(), features[:, :, 1].ravel())[0, 1] > 0


def test_a_profile_goes_on_seeing_an_image(tiny: Simulated, learner: ArtworkLearner) -> None:
    """Each title that a profile saw within a week shows the image that it showed first."""
    state, draws, tally = tiny.state.copy(), tiny.world.draws(1), Tally.empty(tiny.world)
    policy = ArtworkPolicy(HousePolicy(tiny.world, state, draws), learner, seed=0)
    service = Service(tiny.world, state, draws, policy, kernel("geometric"), Artwork.RANDOM, tally)
    blocks: list[EventBlock] = []
    for _ in range(4):
        service.live(np.arange(len(tiny.world.viewers.rate)), blocks.append)
    block = joined(blocks)
    seen = block.take(block.image >= 0)
    keys = seen.profile * 1000 + seen.item
    images = [set(seen.image[keys == key].tolist()) for key in np.unique(keys)]
    assert len(keys) > len(images)
    assert all(len(each) == 1 for each in images)
    assert policy.name == "house + artwork"
