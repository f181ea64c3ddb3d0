"""An item table shared out over two processes looks up, moves and learns as a whole one does.

Slow, and skipped without TorchRec: `make sharded`, then `pytest -m slow tests/training/test_sharded_table.py`.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn

from tests.training.test_fit import CONFIG
from tests.training.test_scale_processes import STILL, goes_on_after_a_power_cut, learned
from tests.training.worlds import cycle_events
from training.data import FilesConfig, load
from training.data.dataset import Dataset
from training.fit import LAST, Stage
from training.learning import LearningConfig
from training.losses.choose import LossConfig
from training.losses.full_softmax import FullSoftmax
from training.losses.sampled_softmax import SampledSoftmax
from training.processes import ADDRESS, Place, company
from training.sharding import check_sharding

needs_torchrec = pytest.mark.skipif(
    find_spec("torchrec") is None or find_spec("fbgemm_gpu") is None, reason="TorchRec is not installed: `make sharded`"
)
SAMPLED = SampledSoftmax(SampledSoftmax.Config(), torch.ones(5))
NUM_ROWS, DIM, LRS = 101, 8, (0.1, 0.05, 0.02)
LOOKUPS = (torch.tensor([[3, 3, 100], [50, 7, 51]]), torch.tensor([[100, 2], [60, 3]]))


def embedding() -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(NUM_ROWS, DIM)


def error(vectors: Tensor) -> Tensor:
    return (vectors**3).sum()


def work(folder: Path, place: Place) -> None:
    """Three steps of one process; rank 0 leaves what it saw, every process its own lookups."""
    from training.sharded_table import ShardedTable

    rank = place.local_rank()
    address = f"tcp://{ADDRESS}:{place.main_port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    table = ShardedTable.of(embedding())
    seen: dict[str, Tensor] = {"rows held": torch.tensor(len(table.shard))}
    for step, lr in enumerate(LRS):
        table.rows.set_lr(lr)
        vectors = table(LOOKUPS[rank])
        seen[f"looked up {step}"] = vectors.detach()
        error(vectors).backward()
    seen["nothing"] = table(torch.empty(2, 0, dtype=torch.int64) if rank else LOOKUPS[0]).detach()
    seen["squares"] = table.rows.whole(table.rows.squares)
    seen["saved"] = table.state_dict()["weight"]
    seen["in evaluation"] = table.eval()(LOOKUPS[rank])
    other = copy.deepcopy(table)
    other.load_state_dict({"weight": embedding().weight.data})
    seen["loaded"], seen["kept"] = other.state_dict()["weight"], table.state_dict()["weight"]
    torch.save(seen, folder / f"{rank}.pt")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Tensor]]:
    folder = tmp_path_factory.mktemp("sharded")
    job = partial(work, folder)
    with company(2, job) as place:
        assert place is not None
        job(place)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def unsharded() -> tuple[Tensor, Tensor]:
    """Weights and sums of squares after row-wise Adagrad by its definition, on the mean of the processes' errors."""
    weight, squares = embedding().weight.detach(), torch.zeros(NUM_ROWS)
    for lr in LRS:
        weight.requires_grad_()
        (gradient,) = torch.autograd.grad(error(weight[LOOKUPS[0]]) / 2 + error(weight[LOOKUPS[1]]) / 2, weight)
        squares = squares + gradient.square().mean(dim=1)
        weight = weight.detach() - lr * gradient / (squares.sqrt() + 1e-8).unsqueeze(1)
    return weight, squares


@pytest.mark.slow
@needs_torchrec
def test_the_rows_are_shared_out_and_start_as_the_whole_table(seen: list[dict[str, Tensor]]) -> None:
    assert [int(each["rows held"]) for each in seen] == [51, 50]
    for each, rows in zip(seen, LOOKUPS, strict=True):
        assert torch.equal(each["looked up 0"], embedding().weight[rows])


@pytest.mark.slow
@needs_torchrec
def test_lookups_and_updates_are_those_of_row_wise_adagrad_on_the_whole_table(seen: list[dict[str, Tensor]]) -> None:
    weight, squares = unsharded()
    for each, rows in zip(seen, LOOKUPS, strict=True):
        torch.testing.assert_close(each["saved"], weight, rtol=0, atol=1e-5)
        torch.testing.assert_close(each["squares"], squares, rtol=1e-5, atol=1e-5)
        assert torch.equal(each["in evaluation"], each["saved"][rows])


@pytest.mark.slow
@needs_torchrec
def test_a_process_may_look_up_nothing(seen: list[dict[str, Tensor]]) -> None:
    assert seen[1]["nothing"].shape == (2, 0, DIM)
    assert torch.equal(seen[0]["nothing"], seen[0]["saved"][LOOKUPS[0]])


@pytest.mark.slow
@needs_torchrec
def test_a_copy_has_weights_of_its_own(seen: list[dict[str, Tensor]]) -> None:
    for each in seen:
        assert torch.equal(each["loaded"], embedding().weight)
        assert torch.equal(each["kept"], each["saved"])


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    cycle_events().to_parquet(tmp_path / "events.parquet")
    return load(FilesConfig(events=str(tmp_path / "events.parquet")), tmp_path)


def sampled(config: LearningConfig, table: str, max_epochs: int) -> LearningConfig:
    optimiser = replace(config.fit.optimiser, item_table=table, sharded_lr=0.2)
    loss = LossConfig(name="sampled_softmax")
    return replace(config, fit=replace(config.fit, max_epochs=max_epochs, loss=loss, optimiser=optimiser))


@pytest.mark.slow
@needs_torchrec
def test_two_processes_learn_planted_order_about_as_well_as_one(dataset: Dataset, tmp_path: Path) -> None:
    one = learned(dataset, Stage(tmp_path / "one"), sampled(STILL, "sparse", 25), devices=1)
    two = learned(dataset, Stage(tmp_path / "two"), sampled(STILL, "sharded", 25), devices=2)
    best = [max(epoch["val/ndcg@10"] for epoch in result.curve.epochs) for result in (one, two)]
    assert best[0] > 0.9
    assert best[1] == pytest.approx(best[0], abs=0.05)
    kept = torch.load(tmp_path / "two" / LAST, weights_only=True)["state_dict"]["towers.item.id.weight"]
    assert kept.shape == one.towers.pairs[0].item.id.weight.shape
    assert isinstance(two.towers.pairs[0].item.id, nn.Embedding)


@pytest.mark.slow
@needs_torchrec
@pytest.mark.parametrize("averaged_steps", [0, 20])
def test_a_sharded_table_goes_on_after_a_power_cut(dataset: Dataset, tmp_path: Path, averaged_steps: int) -> None:
    config = sampled(CONFIG, "sharded", 4)
    config = replace(config, fit=replace(config.fit, averaged_steps=averaged_steps))
    goes_on_after_a_power_cut(dataset, tmp_path, config, at=2)


def test_what_cannot_be_sharded_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="devices is 1; take 2 or more"):
        check_sharding(1, SAMPLED)
    with pytest.raises(ValueError, match="take a sampled loss"):
        check_sharding(2, FullSoftmax(FullSoftmax.Config()))
    monkeypatch.setattr("training.sharding.LIBRARIES", ("torch", "no_such_library"))
    with pytest.raises(ValueError, match="no_such_library is missing; run `make sharded`"):
        check_sharding(2, SAMPLED)


def test_training_refuses_before_any_process_starts(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="devices is 1"):
        learned(dataset, Stage(tmp_path / "one"), sampled(CONFIG, "sharded", 1), devices=1)
    assert not (tmp_path / "one").exists()
