"""Several processes that share each batch learn what one learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.test_fit import CONFIG, Killed
from tests.training.worlds import cycle_events
from towers.user_tower import UserTower
from training.data import FilesConfig, load
from training.data.dataset import Dataset
from training.data.split import SplitConfig, split
from training.fit import Stage
from training.learning import Learned, LearningConfig, Task, learn
from training.losses.choose import LossConfig
from training.sequences import EpochSampler

STILL = replace(
    CONFIG,
    towers=replace(CONFIG.towers, user=UserTower.Config(num_layers=1, dropout=0.0)),
    batch=replace(CONFIG.batch, hide_actions=0.0, validation_size=8),
)
"""Nothing is drawn in a step, so that one process and two compute the same."""


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    cycle_events().to_parquet(tmp_path / "events.parquet")
    return load(FilesConfig(events=str(tmp_path / "events.parquet")), tmp_path)


def learned(dataset: Dataset, stage: Stage, config: LearningConfig, devices: int) -> Learned:
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    config = replace(config, fit=replace(config.fit, devices=devices))
    return learn(config, dataset, Task(parts.train, parts.val), stage, seed=3)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(1, 4), st.integers(0, 9))
def test_ranks_share_the_windows_of_every_batch(sizes: list[int], num_ranks: int, seed: int) -> None:
    def batches(rank: int, num: int) -> list[np.ndarray]:
        sampler = EpochSampler(np.cumsum([0, *sizes]), max_length=5, batch_tokens=12, seed=seed)
        sampler.rank, sampler.num_ranks = rank, num
        return list(sampler)

    parts = [batches(rank, num_ranks) for rank in range(num_ranks)]
    for whole, *shares in zip(batches(0, 1), *parts, strict=True):
        assert {tuple(window) for share in shares for window in share.T} == {tuple(window) for window in whole.T}
        assert all(share.shape[1] for share in shares)
        if whole.shape[1] >= num_ranks:
            assert sum(share.shape[1] for share in shares) == whole.shape[1]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(dataset: Dataset, tmp_path: Path) -> None:
    one = learned(dataset, Stage(tmp_path / "one"), STILL, devices=1)
    two = learned(dataset, Stage(tmp_path / "two"), STILL, devices=2)
    assert len(two.curve.epochs) == 4
    for alone, shared in zip(one.curve.epochs, two.curve.epochs, strict=True):
        assert shared == pytest.approx(alone, abs=1e-4)
    torch.testing.assert_close(
        two.towers.pairs[0].item.id.weight, one.towers.pairs[0].item.id.weight, rtol=0, atol=1e-3
    )
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["best.ckpt", "finished.json", "last.ckpt"]


@pytest.mark.slow
def test_two_processes_learn_with_a_sparse_item_table(dataset: Dataset, tmp_path: Path) -> None:
    fit = replace(STILL.fit, max_epochs=25, loss=LossConfig(name="sampled_softmax"))
    fit = replace(fit, optimiser=replace(fit.optimiser, item_table="sparse"))
    result = learned(dataset, Stage(tmp_path / "two"), replace(STILL, fit=fit), devices=2)
    assert max(epoch["val/ndcg@10"] for epoch in result.curve.epochs) > 0.9


def goes_on_after_a_power_cut(dataset: Dataset, folder: Path, config: LearningConfig, at: int) -> None:
    """Two processes that are cut off after an epoch come to the curve and weights of two that were not."""
    whole = learned(dataset, Stage(folder / "whole"), config, devices=2)

    def kill(epoch: int, metrics: object) -> None:
        if epoch == at:
            raise Killed

    with pytest.raises(Killed):
        learned(dataset, Stage(folder / "cut", on_epoch=kill), config, devices=2)
    resumed = learned(dataset, Stage(folder / "cut", resume=True), config, devices=2)
    assert resumed.curve == whole.curve
    assert torch.equal(resumed.towers.pairs[0].item.id.weight, whole.towers.pairs[0].item.id.weight)


@pytest.mark.slow
def test_two_processes_go_on_after_a_power_cut(dataset: Dataset, tmp_path: Path) -> None:
    goes_on_after_a_power_cut(dataset, tmp_path, CONFIG, at=3)
