"""Large catalogues: rows alone are updated, and ranks in blocks equal ranks at once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from towers.item_tower import ItemTower
from training.losses.full_softmax import FullSoftmax
from training.losses.sampled_softmax import SampledSoftmax
from training.optimisers import RowAdamW, clip_norm
from training.ranks import item_vectors, target_ranks
from training.retriever import OptimiserConfig

SAMPLED = SampledSoftmax(SampledSoftmax.Config(), torch.ones(5))


def by_sorting(scores: Tensor, target: int, seen: list[int]) -> float:
    own = scores[target - 2]
    others = [score for row, score in enumerate(scores, 2) if row not in seen and row != target]
    return 1 + sum(float(score > own) + float(score == own) / 2 for score in others)


@given(st.integers(0, 99), st.integers(1, 400))
def test_ranks_in_blocks_are_the_definition_ties_half(seed: int, block_bytes: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    users = torch.randint(-2, 3, (7, 3), generator=rng).float()
    items = torch.randint(-2, 3, (11, 3), generator=rng).float()
    targets = torch.randint(2, 13, (7,), generator=rng)
    seen = torch.randint(0, 13, (7, 4), generator=rng)
    ranks = target_ranks(users, items, targets, seen, block_bytes)
    scores = users @ items.T
    wanted = [by_sorting(scores[q], int(targets[q]), seen[q].tolist()) for q in range(7)]
    assert ranks.tolist() == wanted


def test_a_target_without_a_finite_score_ranks_last() -> None:
    items = torch.tensor([[torch.nan], [1.0], [2.0]])
    ranks = target_ranks(torch.ones(1, 1), items, torch.tensor([2]), torch.zeros(1, 1, dtype=torch.int64))
    assert ranks.tolist() == [3.0]


def test_item_vectors_made_in_parts_are_those_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    item = ItemTower(ItemTower.Config(), 23, 4, torch.randn(23, 6)).eval()
    at_once = item(item.tokens())[2:]
    monkeypatch.setattr("training.ranks.ROWS_AT_ONCE", 5)
    torch.testing.assert_close(item_vectors(item), at_once)


def table_of(sparse: bool) -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(9, 4, sparse=sparse)


def test_a_step_moves_the_touched_rows_alone() -> None:
    table = table_of(sparse=True)
    before = table.weight.detach().clone()
    optimiser = RowAdamW(table.parameters(), lr=0.1)
    table(torch.tensor([3, 5, 3])).square().sum().backward()
    optimiser.step()
    is_moved = (table.weight != before).any(dim=1)
    assert is_moved.nonzero().flatten().tolist() == [3, 5]


def test_rows_follow_adam_with_one_second_moment_a_row() -> None:
    table = table_of(sparse=True)
    optimiser = RowAdamW(table.parameters(), lr=0.1, betas=(0.9, 0.98))
    weight = table.weight.detach().clone()[2]
    first, second = torch.zeros(4), torch.tensor(0.0)
    for step in range(1, 4):
        optimiser.zero_grad()
        (table(torch.tensor([2, 2])) ** 3).sum().backward()
        gradient = 2 * 3 * weight**2
        first, second = 0.9 * first + 0.1 * gradient, 0.98 * second + 0.02 * gradient.square().mean()
        weight = weight - 0.1 * first / (1 - 0.9**step) / ((second / (1 - 0.98**step)).sqrt() + 1e-8)
        optimiser.step()
        torch.testing.assert_close(table.weight.detach()[2], weight)


def test_dense_parameters_are_stepped_as_by_adamw() -> None:
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    for layer, kind in ((ours, RowAdamW), (theirs, torch.optim.AdamW)):
        optimiser = kind(layer.parameters(), lr=0.1)
        for _ in range(3):
            optimiser.zero_grad()
            layer(torch.ones(1, 3)).square().sum().backward()
            optimiser.step()
    assert torch.equal(ours.weight, theirs.weight)


def test_rows_go_on_from_a_saved_state() -> None:
    def steps(table: nn.Embedding, optimiser: RowAdamW, num: int) -> None:
        for row in range(num):
            optimiser.zero_grad()
            table(torch.tensor([row, 4])).square().sum().backward()
            optimiser.step()

    whole, parted = table_of(sparse=True), table_of(sparse=True)
    optimiser = RowAdamW(whole.parameters(), lr=0.1)
    steps(whole, optimiser, 3)
    steps(whole, optimiser, 3)
    first, second = (RowAdamW(parted.parameters(), lr=0.1) for _ in range(2))
    steps(parted, first, 3)
    second.load_state_dict(first.state_dict())
    steps(parted, second, 3)
    assert torch.equal(whole.weight, parted.weight)


def test_sparse_gradients_are_clipped_as_dense_ones() -> None:
    sparse = table_of(sparse=True)
    dense = table_of(sparse=False)
    for table in (sparse, dense):
        (7 * table(torch.tensor([1, 1, 6]))).square().sum().backward()
    wanted = torch.nn.utils.clip_grad_norm_(dense.parameters(), 0.5)
    torch.testing.assert_close(clip_norm(sparse.parameters(), 0.5), wanted)
    assert sparse.weight.grad is not None
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)


def test_the_table_is_sparse_for_many_items_and_a_loss_that_samples() -> None:
    config = OptimiserConfig(sparse_above=10)
    assert config.has_sparse_table(11, SAMPLED)
    assert not config.has_sparse_table(10, SAMPLED)
    assert not config.has_sparse_table(11, FullSoftmax(FullSoftmax.Config()))
    assert OptimiserConfig(item_table="sparse").has_sparse_table(5, SAMPLED)


def test_an_impossible_or_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match="take a sampled loss"):
        OptimiserConfig(item_table="sparse").has_sparse_table(5, FullSoftmax(FullSoftmax.Config()))
    with pytest.raises(ValueError, match="'dens'; choose one of auto, dense, sparse"):
        OptimiserConfig(item_table="dens").has_sparse_table(5, SAMPLED)
