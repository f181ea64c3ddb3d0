"""A sweep on a small planted log: it finds the better value, goes on after an interruption, and never sees the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import pytest

from tests.training.interrupting import interrupted
from tests.training.worlds import cycle_events
from training.cli import main
from training.commands.sweep import NAME, PARENT, SweepConfig, sweep
from training.commands.train import TrainConfig
from training.compose import compose
from training.errors import UsageError
from training.sweep_space import take_apart
from training.sweep_study import Search, SearchConfig
from training.tracking import STORE_NAME, connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SMALL = (
    "data=files",
    "preset=nano",
    "learning.towers.dim=16",
    "learning.batch.batch_tokens=200",
    "learning.batch.min_batches=1",
    "learning.fit.max_epochs=3",
    "learning.fit.optimiser.warmup_steps=5",
    "learning.fit.precision=32-true",
    "split.name=time",
    "sampler=random",
)
UNTRACKED = "tracking.enabled=false"
LR = "learning.fit.optimiser.lr=choice(0.000001,0.02)"
DROPOUT = "learning.towers.user.dropout=choice(0,0.1)"


class Swept(NamedTuple):
    words: list[str]
    out: Path
    printed: str
    client: MlflowClient

    def runs(self) -> list[Run]:
        """The sweep's own run and its trials, the oldest first."""
        experiment = self.client.get_experiment_by_name("marquee")
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))

    def trials(self) -> pd.DataFrame:
        return pd.read_csv(self.out / "trials.csv")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "events.csv"
    cycle_events().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def swept(events: Path, empty_store: Path) -> Swept:
    """Two trials of four, begun and later gone on with to the third."""
    folder = events.parent
    uri = f"sqlite:///{shutil.copy(empty_store, folder / STORE_NAME)}"
    words = [*SMALL, f"data.events={events}", f"out={folder / 'out'}", f"tracking.uri={uri}", LR, DROPOUT]
    sweep([*words, "trials=2"])
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *parts: lines.extend(map(str, parts)))
        sweep([*words, "trials=3", "resume=true"])
    return Swept(words, folder / "out", "\n".join(lines), connect(uri))


def test_the_better_value_is_found_and_printed_with_its_command(swept: Swept) -> None:
    trials = swept.trials()
    assert trials.state.tolist() == ["complete"] * 3
    best = trials.sort_values("value").iloc[-1]
    assert best["learning.fit.optimiser.lr"] == 0.02
    assert best.value > 2 * trials.value.min()
    assert f"trial {best.trial} is best: val/ndcg@10 {best.value:.4f} with" in swept.printed


def test_the_printed_command_trains_with_the_best_values(swept: Swept) -> None:
    program, command, *words = swept.printed.splitlines()[-1].split()
    config = compose(TrainConfig, command, words)
    assert (program, command) == ("marquee", "train")
    assert config.learning.fit.optimiser.lr == 0.02
    assert config.out == str(swept.out / "best")
    assert not config.resume


def test_a_resumed_sweep_goes_on_without_repeating(swept: Swept) -> None:
    varied = ["learning.fit.optimiser.lr", "learning.towers.user.dropout"]
    assert len(swept.trials().drop_duplicates(varied)) == 3


def test_trials_are_nested_runs_with_parameters_and_every_epoch(swept: Swept) -> None:
    parent, *children = swept.runs()
    trials = swept.trials()
    assert [child.info.run_name for child in children] == [f"trial {number}" for number in trials.trial]
    assert {child.data.tags[PARENT] for child in children} == {parent.info.run_id}
    for child, value, lr in zip(children, trials.value, trials["learning.fit.optimiser.lr"], strict=True):
        assert float(child.data.params["learning.fit.optimiser.lr"]) == lr
        history = swept.client.get_metric_history(child.info.run_id, "towers/val/ndcg_at_10")
        assert [point.step for point in history] == [1, 2, 3]
        assert max(point.value for point in history) == pytest.approx(value)


def test_the_sweeps_own_run_names_the_best_and_keeps_table_and_plots(swept: Swept) -> None:
    parent = swept.runs()[0]
    files = {
        file.path for folder in (None, "figures") for file in swept.client.list_artifacts(parent.info.run_id, folder)
    }
    assert parent.info.run_name.startswith("sweep ")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["best.learning.fit.optimiser.lr"] == "0.02"
    assert parent.data.metrics["best/val/ndcg_at_10"] == pytest.approx(swept.trials().value.max())
    assert {"trials.csv", "figures/parallel_coordinates.png"} <= files


def test_nothing_is_published_and_no_checkpoint_is_left(swept: Swept) -> None:
    assert {path.name for path in swept.out.iterdir()} <= {"sweep.db", "trials.csv", "parallel_coordinates.png"}


def test_a_sweep_is_neither_overwritten_nor_mixed_with_another(swept: Swept) -> None:
    with pytest.raises(UsageError, match="holds a sweep already; resume=true goes on with it"):
        sweep(swept.words)
    with pytest.raises(UsageError, match=r"words had nothing, now learning\.max_length=7; resume"):
        sweep([*swept.words, "learning.max_length=7", "resume=true"])
    with pytest.raises(UsageError, match="the sweep's space"):
        sweep([*swept.words, "learning.max_length=choice(7,9)", "resume=true"])


def test_the_test_part_changes_no_value(events: Path, tmp_path: Path) -> None:
    log = pd.read_csv(events)
    newest = log.timestamp > log.timestamp.quantile(0.95)
    log.loc[newest, "item_id"] = "another item"
    log.to_csv(tmp_path / "events.csv", index=False)
    values = []
    for number, path in enumerate((events, tmp_path / "events.csv")):
        out = tmp_path / str(number)
        sweep([*SMALL, f"data.events={path}", f"out={out}", UNTRACKED, "trials=1", DROPOUT])
        values.append(pd.read_csv(out / "trials.csv").value.item())
    assert values[0] == values[1] > 0


def test_a_failing_trial_is_kept_with_its_reason_and_the_grid_goes_on(events: Path, tmp_path: Path) -> None:
    words = [*SMALL, f"data.events={events}", f"out={tmp_path}", UNTRACKED, "learning.fit.max_epochs=1"]
    sweep([*words, "sampler=grid", "learning.towers.dim=choice(15,16)"])
    trials = pd.read_csv(tmp_path / "trials.csv").set_index("learning.towers.dim")
    assert trials.state.to_dict() == {15: "failed", 16: "complete"}
    assert "15" in trials.error[15]


def test_a_trial_that_falls_behind_ends_early(events: Path, tmp_path: Path) -> None:
    words = [*SMALL, f"data.events={events}", f"out={tmp_path}", UNTRACKED, "learning.fit.max_epochs=4"]
    rates = "learning.fit.optimiser.lr=choice(0.02,0.021,0.022,0.023,0.000001,0.0000011)"
    sweep([*words, "sampler=grid", "learning.fit.patience=0", rates])
    trials = pd.read_csv(tmp_path / "trials.csv").sort_values("value")
    pruned = trials[trials.state == "pruned"]
    assert 0 < len(pruned) <= 2
    assert (pruned.epochs == 3).all()
    assert trials.state.iloc[-1] == "complete"


def test_no_trial_begins_after_the_time_is_over(events: Path, tmp_path: Path) -> None:
    ticks: Iterator[float] = iter([0.0, 30.0, 90.0])
    clock: Callable[[], float] = lambda: next(ticks)  # noqa: E731
    sweep([*SMALL, f"data.events={events}", f"out={tmp_path}", UNTRACKED, "minutes=1", LR, DROPOUT], clock=clock)
    assert len(pd.read_csv(tmp_path / "trials.csv")) == 1


def test_an_unknown_objective_is_named_with_those_there_are(events: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no metric objective=val/ndgc@10; did you mean val/ndcg@10\?"):
        sweep([*SMALL, f"data.events={events}", f"out={tmp_path}", UNTRACKED, "objective=val/ndgc@10", LR])


def test_an_interrupted_sweep_says_how_to_go_on(events: Path, tmp_path: Path) -> None:
    endless = ["learning.fit.max_epochs=5000", "learning.fit.patience=0", LR]
    words = [*SMALL, f"data.events={events}", f"out={tmp_path}", UNTRACKED, *endless]
    code, said = interrupted(["sweep", *words], tmp_path / ".trial" / "last.ckpt")
    assert code == 130
    assert said.endswith("sweep.db: repeat the command with resume=true to go on\n")
    assert "Traceback" not in said
    assert not (tmp_path / ".trial").exists()


def test_a_sweep_in_which_nothing_ended_is_begun_anew(tmp_path: Path) -> None:
    space = take_apart(["learning.a=choice(1,2,3)"]).space
    Search.open(tmp_path, SearchConfig(), space, seed=1, resume=False).ask()
    search = Search.open(tmp_path, SearchConfig(), space, seed=1, resume=False)
    trial = search.ask()
    assert trial is not None
    assert trial.number == 0
    search.tell(trial, None)
    with pytest.raises(UsageError, match="holds a sweep already"):
        Search.open(tmp_path, SearchConfig(), space, seed=1, resume=False)


def test_an_interrupted_trial_is_drawn_again_and_repeats_are_not(tmp_path: Path) -> None:
    space = take_apart(["learning.a=choice(1,2,3)", "learning.b=choice(x,y)"]).space
    begun = Search.open(tmp_path, SearchConfig(), space, seed=1, resume=False).ask()
    search = Search.open(tmp_path, SearchConfig(), space, seed=1, resume=True)
    again = search.ask()
    assert begun is not None
    assert again is not None
    assert again.params == begun.params
    search.tell(again, 0.5)
    while not search.is_exhausted() and (trial := search.ask()):
        search.fail(trial, "no luck")
    tried = search.tried()
    assert len({tuple(space.words(one.params)) for one in tried}) == len(tried) == 6
    assert search.best() == tried[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing varies; give at least one key several values"),
        (("learning.towers.dim=choice(32,many)",), "learning.towers.dim=many does not fit: Expected `int`"),
        (("learning.towers.dim=interval(32,64)",), "does not fit: Expected `int`, got `float`"),
        (("learning.towers.dmi=choice(32,64)",), "unknown key learning.towers.dmi; did you mean learning.towers.dim?"),
        (("learning.towers.dim=choice(32",), "is not understood; write choice(32,64)"),
        (("sampler=best", LR), "sampler=best does not fit"),
        (("sampler=grid", "learning.towers.user.dropout=interval(0,1)"), "no grid"),
    ],
)
def test_bad_words_give_one_line(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["sweep", "data=files", "data.events=a.csv", f"out={tmp_path}", *words])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert message in said
    assert said.count("\n") == 1


def test_a_ready_made_space_gives_way_to_words() -> None:
    config = compose(SweepConfig, NAME, ["data.events=a.csv", "out=o", "space=towers"])
    assert config.space["learning.towers.dim"] == "choice(32,64,128)"
