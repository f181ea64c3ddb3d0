"""Training the towers: they learn, repeat themselves, and go on after being killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.training.worlds import cycle_events
from towers.two_tower import TwoTower
from towers.user_tower import UserTower
from training.data import FilesConfig, load
from training.data.dataset import Dataset
from training.data.split import SplitConfig, split
from training.datamodule import BatchConfig
from training.fit import FitConfig, Stage, load_weights
from training.learning import Learned, LearningConfig, Task, learn
from training.retriever import OptimiserConfig

CONFIG = LearningConfig(
    max_length=10,
    towers=TwoTower.Config(dim=16, user=UserTower.Config(num_layers=1, dropout=0.1)),
    batch=BatchConfig(batch_tokens=200, min_batches=1),
    fit=FitConfig(max_epochs=4, patience=0, precision="32-true", optimiser=OptimiserConfig(lr=0.02, warmup_steps=5)),
)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    cycle_events().to_parquet(tmp_path / "events.parquet")
    return load(FilesConfig(events=str(tmp_path / "events.parquet")), tmp_path)


def learned(dataset: Dataset, folder: Path, config: LearningConfig = CONFIG, resume: bool = False) -> Learned:
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    return learn(config, dataset, Task(parts.train, parts.val), Stage(folder, resume), seed=3)


def weights(towers: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in towers.parameters()])


def test_planted_order_is_learned(dataset: Dataset, tmp_path: Path) -> None:
    config = replace(CONFIG, fit=replace(CONFIG.fit, max_epochs=25))
    result = learned(dataset, tmp_path / "a", config)
    assert max(epoch["val/ndcg@10"] for epoch in result.curve.epochs) > 0.95
    assert result.curve.epochs[-1]["train/loss"] < 0.5 * result.curve.epochs[0]["train/loss"]


def test_same_seed_gives_the_same_weights(dataset: Dataset, tmp_path: Path) -> None:
    first, second = learned(dataset, tmp_path / "a"), learned(dataset, tmp_path / "b")
    assert torch.equal(weights(first.towers), weights(second.towers))
    assert first.curve == second.curve


def test_pairs_of_towers_are_trained_apart_each_from_a_seed_of_its_own(dataset: Dataset, tmp_path: Path) -> None:
    both = learned(dataset, tmp_path / "both", replace(CONFIG, members=2))
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    task = Task(parts.train, parts.val)
    for member, pair in enumerate(both.towers.pairs):
        alone = learn(CONFIG, dataset, task, Stage(tmp_path / f"alone-{member}"), seed=2 * 3 + member)
        assert torch.equal(weights(pair), weights(alone.towers))


def test_each_pair_tells_its_own_metrics_and_goes_on_by_itself(dataset: Dataset, tmp_path: Path) -> None:
    told: list[set[str]] = []
    config = replace(CONFIG, members=2, fit=replace(CONFIG.fit, max_epochs=1))
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    stage = Stage(tmp_path / "towers", on_epoch=lambda _, metrics: told.append(set(metrics)))
    whole = learn(config, dataset, Task(parts.train, parts.val), stage, seed=3)
    assert told[1] == {f"pair_2/{name}" for name in told[0]}
    (tmp_path / "towers_pair_2" / "finished.json").unlink()
    (tmp_path / "towers_pair_2" / "last.ckpt").unlink()
    resumed = learned(dataset, tmp_path / "towers", config, resume=True)
    assert torch.equal(weights(resumed.towers), weights(whole.towers))


def test_no_pair_of_towers_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"learning\.members is 0"):
        LearningConfig(members=0)


class Killed(Exception):
    """Stands for a power cut after a chosen epoch."""


@pytest.mark.parametrize("averaged_steps", [0, 20])
def test_a_killed_run_goes_on_to_the_same_result(dataset: Dataset, tmp_path: Path, averaged_steps: int) -> None:
    config = replace(CONFIG, fit=replace(CONFIG.fit, averaged_steps=averaged_steps))
    whole = learned(dataset, tmp_path / "whole", config)

    def kill(epoch: int, metrics: object) -> None:
        if epoch == 3:
            raise Killed

    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    with pytest.raises(Killed):
        learn(config, dataset, Task(parts.train, parts.val), Stage(tmp_path / "cut", on_epoch=kill), seed=3)
    resumed = learned(dataset, tmp_path / "cut", config, resume=True)
    assert resumed.curve == whole.curve
    assert torch.equal(weights(resumed.towers), weights(whole.towers))


def test_training_leaves_the_mean_of_all_steps(dataset: Dataset, tmp_path: Path) -> None:
    config = replace(CONFIG, fit=replace(CONFIG.fit, max_epochs=1, keep_last=True, averaged_steps=10_000))
    plain = learned(dataset, tmp_path / "plain", replace(config, fit=replace(config.fit, averaged_steps=0)))
    mean = learned(dataset, tmp_path / "mean", config)
    newest = torch.load(tmp_path / "mean" / "last.ckpt", weights_only=True)["current_model_state"]
    for name, value in plain.towers.pairs[0].state_dict().items():
        torch.testing.assert_close(newest[f"towers.{name}"], value)
    assert not torch.equal(weights(plain.towers), weights(mean.towers))


def test_a_finished_run_is_taken_as_it_is(dataset: Dataset, tmp_path: Path) -> None:
    first = learned(dataset, tmp_path / "a")
    calls: list[int] = []
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    stage = Stage(tmp_path / "a", resume=True, on_epoch=lambda epoch, _: calls.append(epoch))
    again = learn(CONFIG, dataset, Task(parts.train, parts.val), stage, seed=3)
    assert not calls
    assert torch.equal(weights(first.towers), weights(again.towers))


def test_checkpoints_hold_tensors_and_plain_values_only(dataset: Dataset, tmp_path: Path) -> None:
    result = learned(dataset, tmp_path / "a")
    loaded = torch.load(tmp_path / "a" / "last.ckpt", weights_only=True)
    assert any(name.startswith("towers.") for name in loaded["state_dict"])
    fresh = TwoTower(CONFIG.towers, result.corpus.spec.vocabulary.num_rows, 10, result.corpus.spec.context_sizes)
    load_weights(fresh, tmp_path / "a" / "best.ckpt")
    assert torch.equal(weights(fresh), weights(result.towers))


def test_nothing_later_than_the_cut_reaches_training(dataset: Dataset) -> None:
    """Corpus (vocabulary, context, counts, histories, content) and popularity stay when the future is replaced."""
    from training.content import ContentConfig
    from training.corpus import make_corpus
    from training.export import EvidenceConfig, evidence_files, popularity

    parts = split(dataset, SplitConfig(name="time"))
    later = ~parts.train
    other = dataset.events.copy()
    other.loc[later, "item_id"] = "from the future"
    other.loc[later, "user_id"] = other.loc[later, "user_id"] + " later"
    corpora = [
        make_corpus(replace(dataset, events=events), parts.train, 10, ContentConfig(), seed=0)
        for events in (dataset.events, other)
    ]
    first, second = corpora
    assert first.spec.vocabulary.encoded.tolist() == second.spec.vocabulary.encoded.tolist()
    assert first.viewers.encoded.tolist() == second.viewers.encoded.tolist()
    np.testing.assert_array_equal(first.counts, second.counts)
    for one, two in zip(first.events.histories, second.events.histories, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(popularity(first), popularity(second))
    files = [
        evidence_files(corpus, EvidenceConfig(), events[parts.train])
        for corpus, events in zip(corpora, (dataset.events, other), strict=True)
    ]
    assert files[0] == files[1]
    assert first.trained_until_ms < int(pd.Series(dataset.events["ts_ms"])[later].min())


def test_towers_go_on_from_others_by_the_ids_of_items(dataset: Dataset, tmp_path: Path) -> None:
    from training.learning import continue_from, make_towers

    first = learned(dataset, tmp_path / "a")
    fewer = dataset.events["item_id"] != dataset.events["item_id"].iloc[0]
    parts = split(dataset, SplitConfig(name="time"))
    from training.content import ContentConfig
    from training.corpus import make_corpus

    corpus = make_corpus(dataset, parts.train & fewer.to_numpy(), 10, ContentConfig(), seed=1)
    towers = make_towers(CONFIG.towers, corpus, seed=5)
    continue_from(towers, corpus, first)
    vocabulary, old = corpus.spec.vocabulary, first.corpus.spec.vocabulary
    rows = old.rows(vocabulary.ids(vocabulary.item_rows))
    assert vocabulary.num_rows == old.num_rows - 1
    with torch.no_grad():
        tokens, before = towers.eval().item.tokens(), first.towers.pairs[0].item.tokens()
    torch.testing.assert_close(tokens[2:], before[torch.from_numpy(rows)])
