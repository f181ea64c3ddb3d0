"""Retrieval losses against their definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from towers.two_tower import TwoTower
from training.losses.choose import LossConfig, choose_loss
from training.losses.full_softmax import FullSoftmax
from training.losses.sampled_softmax import SampledSoftmax
from training.losses.steps import (
    correct_log_q,
    draw_negatives,
    log_sampling_probability,
    remove_accidental_hits,
)

NUM_ITEMS = 40


@pytest.fixture
def towers() -> TwoTower:
    torch.manual_seed(0)
    return TwoTower(TwoTower.Config(dim=8, temperature=0.2), NUM_ITEMS + 2, 5, (25, 8)).eval()


def users_and_targets(num: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    users = F.normalize(torch.randn(num, 8, generator=rng), dim=1)
    return users, torch.randint(2, NUM_ITEMS + 2, (num,), generator=rng)


def test_full_softmax_is_the_cross_entropy_over_all_items(towers: TwoTower) -> None:
    users, targets = users_and_targets(6)
    logits = users @ towers.item(towers.item.tokens())[2:].T * towers.scale
    torch.testing.assert_close(FullSoftmax()(users, targets, towers), F.cross_entropy(logits, targets - 2))


def test_reserved_rows_are_never_drawn_and_popular_ones_more_often() -> None:
    counts = torch.tensor([99, 99, 1, 0, 16])
    log_q = log_sampling_probability(counts, power=0.5)
    torch.testing.assert_close(log_q.exp(), torch.tensor([0, 0, 1, 1, 4]) / 6)
    torch.manual_seed(0)
    assert draw_negatives(log_q, 500).min() >= 2


def test_accidental_hits_are_removed() -> None:
    logits = remove_accidental_hits(torch.zeros(2, 3), torch.tensor([5, 6]), torch.tensor([5, 7, 5]))
    assert torch.isinf(logits).tolist() == [[True, False, True], [False, False, False]]


def test_log_q_correction_makes_the_sampled_partition_unbiased() -> None:
    torch.manual_seed(0)
    scores = torch.randn(NUM_ITEMS + 2)
    log_q = log_sampling_probability(torch.arange(NUM_ITEMS + 2) + 1, power=1.0)
    negatives = draw_negatives(log_q, 200_000)
    sampled = correct_log_q(scores[negatives].unsqueeze(0), log_q, negatives).exp().sum()
    torch.testing.assert_close(sampled, scores[2:].exp().sum(), rtol=0.02, atol=0)


def test_sampled_softmax_approaches_the_full_one(towers: TwoTower) -> None:
    torch.manual_seed(0)
    users, targets = users_and_targets(16)
    sampled = SampledSoftmax(SampledSoftmax.Config(num_negatives=50_000), torch.ones(NUM_ITEMS + 2))
    torch.testing.assert_close(
        sampled(users, targets, towers), FullSoftmax()(users, targets, towers), rtol=0.01, atol=0.01
    )


def test_the_catalogue_size_chooses_the_loss() -> None:
    config = LossConfig(full_up_to=10)
    assert isinstance(choose_loss(config, torch.ones(10)), FullSoftmax)
    assert isinstance(choose_loss(config, torch.ones(11)), SampledSoftmax)


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(ValueError, match=r"loss\.name is 'hinge'"):
        choose_loss(LossConfig(name="hinge"), torch.ones(5))
