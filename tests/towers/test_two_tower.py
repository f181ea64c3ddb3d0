"""The towers: padding, causality, unit length, and agreement between training windows and requests."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from towers.features import FeatureSpec
from towers.history import Histories, HistoryBatch
from towers.two_tower import TwoTower
from towers.user_tower import UserTower
from towers.vocabulary import Vocabulary
from training.sequences import Events, WindowDataset

NUM_ITEMS, MAX_LENGTH = 30, 12


@pytest.fixture
def towers() -> TwoTower:
    torch.manual_seed(0)
    config = TwoTower.Config(dim=16, user=UserTower.Config(num_layers=2, num_heads=2))
    made = TwoTower(config, NUM_ITEMS + 2, MAX_LENGTH, (25, 8)).eval()
    for parameter in made.user.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


@pytest.fixture
def histories() -> Histories:
    rng = np.random.default_rng(1)
    offsets = np.array([0, 5, 6, 6, 18])
    times = np.concatenate([np.sort(rng.integers(0, 10**9, n)) for n in np.diff(offsets)])
    rows = rng.integers(2, NUM_ITEMS + 2, offsets[-1])
    actions = rng.integers(1, 5, offsets[-1]).astype(np.int8)
    return Histories(offsets, rows, times, actions, np.zeros(offsets[-1], dtype=np.int8))


def encode(towers: TwoTower, batch: HistoryBatch) -> torch.Tensor:
    *arrays, context = (torch.from_numpy(array) for array in batch)
    with torch.no_grad():
        return towers.user(towers.read(*arrays), context)


@pytest.fixture
def spec() -> FeatureSpec:
    return FeatureSpec(Vocabulary.fit([f"i{n:02d}" for n in range(NUM_ITEMS)]), MAX_LENGTH, context_values={})


def test_padding_does_not_change_the_user(towers: TwoTower, histories: Histories, spec: FeatureSpec) -> None:
    asked = np.full(4, 2 * 10**9)
    together = encode(towers, spec.batch([histories.of(u) for u in range(4)], asked, [{}] * 4))
    alone = [encode(towers, spec.batch([histories.of(u)], asked[:1], [{}]))[0] for u in range(4)]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-6, rtol=0)


def test_users_and_items_have_unit_length(towers: TwoTower, histories: Histories, spec: FeatureSpec) -> None:
    users = encode(towers, spec.batch([histories.of(0), histories.of(2)], np.full(2, 10**9), [{}] * 2))
    items = towers.item(towers.item.tokens())
    torch.testing.assert_close(users.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(items.norm(dim=1), torch.ones(NUM_ITEMS + 2))


def test_later_events_do_not_change_earlier_states(towers: TwoTower) -> None:
    rows = torch.randint(2, NUM_ITEMS, (1, 8))
    ones, zeros = torch.ones_like(rows), torch.zeros_like(rows)
    age = torch.linspace(900, 0, 8).unsqueeze(0)
    other = rows.clone()
    other[0, 5:] = 3
    first, second = (
        towers.user.states(towers.read(tokens, ones, zeros, age, torch.tensor([8]))) for tokens in (rows, other)
    )
    torch.testing.assert_close(first[:, :5], second[:, :5])
    assert not torch.allclose(first[:, 5:], second[:, 5:])


def test_training_windows_and_requests_give_the_same_user(
    towers: TwoTower, histories: Histories, spec: FeatureSpec
) -> None:
    context = spec.clock_codes(histories.ts_ms)
    events = Events(histories, context, np.ones(len(histories.rows), dtype=np.bool_))
    window = WindowDataset(events, hide_actions=0.0, seed=0)[np.array([[0, 6], [5, 18]])]
    given = towers.read(window.rows, window.actions, window.shares, window.age_s, window.lengths)
    with torch.no_grad():
        states = towers.user.answer(towers.user.states(given), window.context)
    for b, viewer in ((0, 0), (1, 3)):
        history = histories.of(viewer)
        asked = history.ts_ms[-1:]
        earlier = type(history)._make(array[:-1] for array in history)
        request = encode(towers, spec.batch([earlier], asked, [{}]))[0]
        torch.testing.assert_close(states[b, window.lengths[b] - 1], request, atol=1e-5, rtol=0)


def test_unknown_number_of_heads_is_refused() -> None:
    with pytest.raises(ValueError, match="num_heads is 3"):
        TwoTower(TwoTower.Config(dim=16, user=UserTower.Config(num_heads=3)), 5, 4, (25, 8))


def test_the_last_state_alone_equals_the_last_of_all_states(
    towers: TwoTower, histories: Histories, spec: FeatureSpec
) -> None:
    batch = spec.batch([histories.of(u) for u in range(4)], np.full(4, 2 * 10**9), [{}] * 4)
    *arrays, _ = (torch.from_numpy(array) for array in batch)
    given = towers.read(*arrays)
    expected = towers.user.states(given)[torch.arange(4), given.lengths - 1]
    torch.testing.assert_close(towers.user.last_state(given), expected, atol=1e-6, rtol=1e-5)
