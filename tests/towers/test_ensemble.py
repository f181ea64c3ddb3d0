"""Pairs of towers as one: the cosine is the mean of theirs, and one pair alone is unchanged."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from towers.ensemble import Ensemble
from towers.two_tower import TwoTower
from towers.user_tower import UserInput

NUM_ROWS, DIM = 9, 8
ROWS = torch.tensor([[0, 2, 3, 4], [0, 5, 0, 0]])
LENGTHS = torch.tensor([4, 2])
CONTEXT = torch.zeros(2, 2, dtype=torch.int64)


def pair(seed: int) -> TwoTower:
    torch.manual_seed(seed)
    return TwoTower(TwoTower.Config(dim=DIM, temperature=0.05 + 0.05 * seed), NUM_ROWS, 5, (25, 8)).eval()


def read(towers: TwoTower | Ensemble) -> UserInput:
    ones = torch.ones_like(ROWS)
    age_s = torch.tensor([[90.0, 90.0, 60.0, 0.0], [5.0, 5.0, 0.0, 0.0]])
    return towers.read(ROWS, ones, torch.zeros_like(ROWS), age_s, LENGTHS)


def cosines(towers: TwoTower) -> Tensor:
    return towers.user(read(towers), CONTEXT) @ towers.item(towers.item.tokens()).T


@pytest.mark.parametrize("num_members", [1, 2, 3])
@torch.no_grad()
def test_the_cosine_is_the_mean_of_the_members(num_members: int) -> None:
    members = [pair(seed) for seed in range(num_members)]
    together = Ensemble(members)
    tokens, vectors = together.items()
    users = together.user(read(together), CONTEXT)
    assert tokens.shape == vectors.shape == (NUM_ROWS, num_members * DIM)
    torch.testing.assert_close(users.norm(dim=-1), torch.ones(2))
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(NUM_ROWS))
    torch.testing.assert_close(users @ vectors.T, torch.stack([cosines(member) for member in members]).mean(dim=0))


@torch.no_grad()
def test_the_scale_is_the_mean_of_the_members() -> None:
    assert float(Ensemble([pair(0), pair(1)]).scale) == pytest.approx((20 + 10) / 2)
