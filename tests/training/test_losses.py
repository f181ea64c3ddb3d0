"""Retrieval losses against their definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from towers.two_tower import TwoTower
from training.losses.choose import NAMES, LossConfig, choose_loss
from training.losses.chunked_cross_entropy import Precision, chunked_cross_entropy
from training.losses.full_softmax import FullSoftmax
from training.losses.gbce import GeneralisedCrossEntropy
from training.losses.hard_softmax import HardSoftmax
from training.losses.mixed_softmax import MixedSoftmax
from training.losses.negatives import NegativeSampler
from training.losses.sampled_softmax import SampledSoftmax
from training.losses.steps import (
    log_q_correction,
    log_sampling_probability,
    remove_accidental_hits,
    sampled_cross_entropy,
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


def full_softmax(seen: str = "keep") -> FullSoftmax:
    return FullSoftmax(FullSoftmax.Config(seen))


def test_full_softmax_is_the_cross_entropy_over_all_items(towers: TwoTower) -> None:
    users, targets = users_and_targets(6)
    logits = users @ towers.item(towers.item.tokens())[2:].T * towers.scale
    torch.testing.assert_close(full_softmax()(users, targets, towers), F.cross_entropy(logits, targets - 2))


def test_items_seen_are_no_alternatives_unless_chosen_again(towers: TwoTower) -> None:
    users, _ = users_and_targets(3)
    targets, seen = torch.tensor([2, 3, 4]), torch.tensor([[7, 9, 7], [0, 0, 8], [4, 0, 5]])
    logits = (users @ towers.item(towers.item.tokens())[2:].T * towers.scale).detach()
    logits[0, [5, 7]] = logits[1, 6] = logits[2, 3] = -torch.inf
    loss = full_softmax("skip")(users, targets, towers, seen)
    torch.testing.assert_close(loss.detach(), F.cross_entropy(logits, targets - 2))
    loss.backward()
    assert towers.item.id.weight.grad is not None
    assert towers.item.id.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("seen", "repeats", "skips"),
    [("auto", 0.0, True), ("auto", 0.01, True), ("auto", 0.02, False), ("skip", 0.5, True), ("keep", 0.0, False)],
)
def test_items_seen_count_where_viewers_choose_them_again(seen: str, repeats: float, skips: bool) -> None:
    assert choose_loss(LossConfig(full=FullSoftmax.Config(seen)), torch.ones(5), repeats).skips_seen == skips


def test_an_unknown_way_with_seen_items_is_named_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"loss\.full\.seen is 'drop'; choose auto, skip or keep"):
        FullSoftmax.Config("drop")


def test_reserved_rows_are_never_drawn_and_popular_ones_more_often() -> None:
    counts = torch.tensor([99, 99, 1, 0, 16])
    log_q = log_sampling_probability(counts, power=0.5)
    torch.testing.assert_close(log_q.exp(), torch.tensor([0, 0, 1, 1, 4]) / 6)
    torch.manual_seed(0)
    drawn = NegativeSampler(counts, power=0.5).draw(6_000)
    frequency = torch.bincount(drawn, minlength=5) / len(drawn)
    torch.testing.assert_close(frequency, log_q.exp(), rtol=0, atol=0.02)
    assert drawn.min() >= 2


def test_accidental_hits_are_removed() -> None:
    logits = remove_accidental_hits(torch.zeros(2, 3), torch.tensor([5, 6]), torch.tensor([5, 7, 5]))
    assert (logits.exp() == 0).tolist() == [[True, False, True], [False, False, False]]


def test_log_q_correction_makes_the_sampled_partition_unbiased() -> None:
    torch.manual_seed(0)
    scores = torch.randn(NUM_ITEMS + 2)
    sampler = NegativeSampler(torch.arange(NUM_ITEMS + 2) + 1, power=1.0)
    negatives = sampler.draw(200_000)
    sampled = (scores[negatives] + log_q_correction(sampler.log_q, negatives)).exp().sum()
    torch.testing.assert_close(sampled, scores[2:].exp().sum(), rtol=0.02, atol=0)


def test_sampled_softmax_approaches_the_full_one(towers: TwoTower) -> None:
    torch.manual_seed(0)
    users, targets = users_and_targets(16)
    sampled = SampledSoftmax(SampledSoftmax.Config(num_negatives=50_000), torch.ones(NUM_ITEMS + 2))
    torch.testing.assert_close(
        sampled(users, targets, towers), full_softmax()(users, targets, towers), rtol=0.01, atol=0.01
    )


def test_the_sampled_gradient_is_that_of_the_loss_weighted_by_the_chance_of_being_wrong() -> None:
    """Khrylchenko et al. 2025: -(1 - p) log(e^positive / sum of e^negative), p without gradient."""
    torch.manual_seed(0)
    positive, negative = torch.randn(5, requires_grad=True), torch.randn(5, 9, requires_grad=True)
    right = (positive.exp() / (positive.exp() + negative.exp().sum(dim=1))).detach()
    weighted = ((1 - right) * (negative.logsumexp(dim=1) - positive)).mean()
    wanted = torch.autograd.grad(weighted, (positive, negative))
    torch.testing.assert_close(
        torch.autograd.grad(sampled_cross_entropy(positive, negative), (positive, negative)), wanted
    )


def test_mixed_softmax_approaches_the_full_one_when_targets_come_as_often_as_counted(towers: TwoTower) -> None:
    torch.manual_seed(0)
    users, targets = users_and_targets(NUM_ITEMS * 50)
    counts = torch.bincount(targets, minlength=NUM_ITEMS + 2)
    mixed = MixedSoftmax(MixedSoftmax.Config(num_in_batch=20_000, num_uniform=20_000), counts)
    torch.testing.assert_close(
        mixed(users, targets, towers), full_softmax()(users, targets, towers), rtol=0.01, atol=0.01
    )


def test_the_probability_of_a_mixed_negative_is_that_of_both_kinds_together() -> None:
    mixed = MixedSoftmax(MixedSoftmax.Config(num_in_batch=3, num_uniform=1), torch.tensor([0, 0, 1, 4]))
    torch.testing.assert_close(
        mixed.log_q.exp(), torch.tensor([0, 0, 0.75 * 0.2 + 0.25 * 0.5, 0.75 * 0.8 + 0.25 * 0.5])
    )


def test_with_all_items_hard_nothing_is_left_to_sample(towers: TwoTower) -> None:
    users, targets = users_and_targets(6)
    hard = HardSoftmax(HardSoftmax.Config(num_nearest=NUM_ITEMS), torch.ones(NUM_ITEMS + 2))
    torch.testing.assert_close(hard(users, targets, towers), full_softmax()(users, targets, towers))


def test_hard_and_sampled_negatives_together_approach_the_full_softmax(towers: TwoTower) -> None:
    torch.manual_seed(0)
    users, targets = users_and_targets(16)
    config = HardSoftmax.Config(num_negatives=50_000, num_askers=4, num_nearest=3)
    loss = HardSoftmax(config, torch.ones(NUM_ITEMS + 2))(users, targets, towers)
    torch.testing.assert_close(loss, full_softmax()(users, targets, towers), rtol=0.01, atol=0.01)


def test_hard_negatives_are_the_nearest_items(towers: TwoTower) -> None:
    users, _ = users_and_targets(1)
    hard = HardSoftmax(HardSoftmax.Config(num_nearest=3), torch.ones(NUM_ITEMS + 2)).nearest(users, towers)
    scores = (users @ towers.item(towers.item.tokens())[2:].T)[0]
    assert set(hard.tolist()) == set((scores.topk(3).indices + 2).tolist())


@pytest.mark.parametrize("is_shared", [True, False])
def test_gbce_is_its_definition(towers: TwoTower, is_shared: bool) -> None:
    users, targets = users_and_targets(6)
    config = GeneralisedCrossEntropy.Config(num_negatives=4, calibration=0.75, is_shared=is_shared)
    loss = GeneralisedCrossEntropy(config, torch.ones(NUM_ITEMS + 2))
    torch.manual_seed(5)
    negatives = loss.sampler.draw(*((4,) if is_shared else (6, 4))).expand(6, 4)
    torch.manual_seed(5)
    probability = torch.sigmoid(users @ towers.item(towers.item.tokens()).T * towers.scale)
    alpha = 4 / (NUM_ITEMS - 1)
    beta = alpha * (0.75 * (1 - 1 / alpha) + 1 / alpha)
    terms = beta * probability.gather(1, targets.unsqueeze(1)).log().squeeze(1)
    wrong = (1 - probability.gather(1, negatives)).log()
    terms += wrong.masked_fill(negatives == targets.unsqueeze(1), 0).sum(dim=1)
    torch.testing.assert_close(loss(users, targets, towers), -terms.mean() / 5)


def test_gbce_with_all_items_as_negatives_is_not_recalibrated() -> None:
    loss = GeneralisedCrossEntropy(GeneralisedCrossEntropy.Config(num_negatives=100), torch.ones(NUM_ITEMS + 2))
    assert loss.beta == 1.0


def test_the_catalogue_size_chooses_the_loss() -> None:
    config = LossConfig(full_up_to=10)
    assert isinstance(choose_loss(config, torch.ones(10)), FullSoftmax)
    assert isinstance(choose_loss(config, torch.ones(11)), SampledSoftmax)


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_has_a_name_and_a_gradient_for_both_towers(towers: TwoTower, name: str) -> None:
    torch.manual_seed(0)
    users, targets = users_and_targets(6)
    users.requires_grad_()
    choose_loss(LossConfig(name=name), torch.ones(NUM_ITEMS + 2))(users, targets, towers).backward()
    assert users.grad is not None
    assert towers.item.id.weight.grad is not None


def test_an_unknown_loss_is_named_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"loss\.name is 'hinge'; choose one of auto, full_softmax, .*gbce"):
        choose_loss(LossConfig(name="hinge"), torch.ones(5))


def test_a_mixture_of_one_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        MixedSoftmax(MixedSoftmax.Config(num_uniform=0), torch.ones(5))


@pytest.mark.parametrize("products", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("num_positions", [1, 7, 64])
def test_chunked_cross_entropy_is_the_plain_one(num_positions: int, products: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = 3 * torch.randn(num_positions, 8, generator=generator)
    weight = torch.randn(50, 8, generator=generator)
    target = torch.randint(50, (num_positions,), generator=generator)
    results = []
    for plain in (True, False):
        x, w = inputs.clone().requires_grad_(), weight.clone().requires_grad_()
        precision = Precision(16, products)
        loss = F.cross_entropy(x @ w.T, target) if plain else chunked_cross_entropy(x, w, target, precision)
        (2 * loss).backward()
        assert x.grad is not None
        assert w.grad is not None
        results.append((loss.detach(), x.grad, w.grad))
    (loss, x, w), (chunked, x_chunked, w_chunked) = results
    torch.testing.assert_close(chunked, loss)
    assert float((x - x_chunked).norm() / x.norm()) < 5e-3
    assert float((w - w_chunked).norm() / w.norm()) < 5e-3
