"""`marquee sweep`: search for better towers; many trainings on the same parts of the data, drawn by Optuna."""

from __future__ import annotations

import logging
import math
import shlex
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import optuna
from matplotlib.figure import Figure

from training.commands.train import TrainConfig
from training.compose import compose
from training.data import load
from training.data.dataset import Dataset
from training.data.split import Split, split
from training.errors import Interrupted, UsageError
from training.fit import Stage
from training.learning import Task, learn
from training.records import run_title, split_in_words
from training.settings import nearest
from training.sweep_figures import importance_bars, parallel_coordinates
from training.sweep_space import Words, take_apart
from training.sweep_study import STORE, Search, SearchConfig, Tried
from training.sweep_table import as_frame, as_text
from training.tracking import Run, Tracking

logger = logging.getLogger(__name__)

NAME: Final = "sweep"
PARENT: Final = "mlflow.parentRunId"
TABLE: Final = "trials.csv"
CHECKPOINTS: Final = ".trial"
FAILURES: Final = (ValueError, ArithmeticError, RuntimeError, MemoryError)
"""How a combination can fail; anything else is a fault of the program and ends the sweep."""


@dataclass(frozen=True)
class SweepConfig(TrainConfig, SearchConfig):
    """Learns the towers once a trial, each with other values of the keys written KEY=choice(a,b), KEY=range(1,4),
    KEY=interval(0,1) or KEY=tag(log,interval(1e-4,1e-2)), and prints the command that trains with the best.

    Only keys under `learning.` vary; a trial learns from the training part, is measured on the validation part, and
    publishes nothing. The best epoch's `objective` counts; its largest value is best unless `direction` is min.
    `trials` in all, none begun after `minutes` (0: no limit); a combination is learned once. `sampler` is tpe, random
    or grid; `pruner=median` ends a trial that is behind the median of the others at its epoch, `none` ends none.

    Trials are kept in `out`/sweep.db; `resume` goes on with them. `space` holds sweeps by key, of which words replace
    single ones. Keys of `marquee train` without effect here are passed on to the command printed.
    """


class TrialError(Exception):
    """A combination could not be learned; the sweep goes on."""


def sweep(words: Sequence[str], folder: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
    """Run the trials that the words and the files in `folder` ask for; `clock` gives seconds for the time limit."""
    apart = _read(words, folder)
    config = compose(SweepConfig, NAME, apart.fixed, folder)
    _check(apart, folder)
    out = Path(config.out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    search = Search.open(out, config, apart.space, config.seed, config.resume)
    dataset = load(config.data, out)
    parts = split(dataset, config.split)
    search.agree(_described(config, apart, dataset, parts))
    title = config.name or f"{NAME} {run_title(config.data, datetime.now().astimezone())}"
    before = search.study.user_attrs.get("run_id")
    with Tracking(config.tracking).run(title, {"kind": NAME}, before) as run:
        if not before:
            run.params(config)
            search.study.set_user_attr("run_id", run.id)
        Sweep(config, apart, folder, dataset, parts, search, run).go_on(clock)


@dataclass(frozen=True)
class Sweep:
    """Trials over one split of one data set, under one run."""

    config: SweepConfig
    words: Words
    folder: Path | None
    dataset: Dataset
    parts: Split
    search: Search
    run: Run

    @property
    def out(self) -> Path:
        return Path(self.config.out).expanduser()

    def go_on(self, clock: Callable[[], float]) -> None:
        """Try combinations until there are enough, then show what was found."""
        end = clock() + 60 * self.config.minutes if self.config.minutes else math.inf
        try:
            while self._is_open(clock() < end):
                trial = self.search.ask()
                if trial is None:
                    logger.info("no combination was drawn that is new; the sweep ends")
                    break
                self._try(trial)
        except KeyboardInterrupt as stop:
            kept = f"{len(self.search.tried())} trials are kept in {self.out / STORE}"
            raise Interrupted(f"stopped; {kept}: repeat the command with resume=true to go on") from stop
        finally:
            shutil.rmtree(self.out / CHECKPOINTS, ignore_errors=True)
        self._conclude()

    def _is_open(self, has_time: bool) -> bool:
        if self.search.is_exhausted():
            logger.info("every combination was tried")
            return False
        if not has_time:
            logger.info("%g minutes are over; the sweep ends", self.config.minutes)
        return has_time and len(self.search.tried()) < self.config.trials

    def _try(self, trial: optuna.Trial) -> None:
        """One trial under a run of its own, which shows in the tracking store as a child of the sweep's."""
        words = self.words.space.words(trial.params)
        logger.info("trial %d: %s", trial.number, " ".join(words))
        tags = {"kind": "trial", "words": " ".join(words)} | ({PARENT: self.run.id} if self.run.id else {})
        try:
            with Tracking(self.config.tracking).run(f"trial {trial.number}", tags) as run:
                value = self._value(trial, [*self.words.fixed, *words], run)
                run.tags({"state": "pruned" if value is None else "complete"})
            self.search.tell(trial, value)
        except TrialError as error:
            self.search.fail(trial, str(error))
            logger.warning("trial %d failed: %s", trial.number, error)
        self._note(trial.number)

    def _value(self, trial: optuna.Trial, words: Sequence[str], run: Run) -> float | None:
        """Best value of the objective over the epochs; None for a trial that was pruned."""
        try:
            config = compose(SweepConfig, NAME, words, self.folder)
            learning = replace(config.learning, members=1)  # a second pair would say little more of a combination
            run.params({"seed": config.seed, "learning": learning})
            stage = Stage(self.out / CHECKPOINTS, on_epoch=self._watch(trial, run))
            task = Task(self.parts.train, self.parts.val)
            curve = learn(learning, self.dataset, task, stage, config.seed).curve
        except optuna.TrialPruned:
            return None
        except UsageError:
            raise
        except FAILURES as error:
            raise TrialError(_one_line(error)) from error
        values = [epoch[self.config.objective] for epoch in curve.epochs]
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            raise TrialError(f"{self.config.objective} was never a finite number")
        return max(finite) if self.config.direction == "max" else min(finite)

    def _watch(self, trial: optuna.Trial, run: Run) -> Callable[[int, Mapping[str, float]], None]:
        """Keeps the metrics of each epoch and ends a trial that falls behind."""
        objective = self.config.objective

        def note(epoch: int, metrics: Mapping[str, float]) -> None:
            run.metrics({f"towers/{name}": value for name, value in metrics.items()}, step=epoch)
            if objective not in metrics:
                raise UsageError(f"no metric objective={objective}; {nearest(objective, sorted(metrics))}")
            trial.report(metrics[objective], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        return note

    def _note(self, number: int) -> None:
        """What the sweep's own run shows while trials go on."""
        tried = self.search.tried()
        as_frame(self.words.space, tried).to_csv(self.out / TABLE, index=False)
        if tried[-1].state == "complete":
            self.run.metrics({f"trials/{self.config.objective}": tried[-1].value}, step=number)
        best = self.search.best()
        if best is not None:
            self.run.metrics({f"best/{self.config.objective}": best.value}, step=number)

    def _conclude(self) -> None:
        """Table, plots, and the command that trains with the best values."""
        tried, best, objective = self.search.tried(), self.search.best(), self.config.objective
        space = self.words.space
        self.run.artifact(self.out / TABLE)
        if best is None:
            last = tried[-1].error if tried else "no time was left for one"
            raise UsageError(f"none of {len(tried)} trials completed; the last: {last}; see {self.out / TABLE}")
        ranked = sorted(tried, key=lambda one: (one.state, abs(one.value - best.value)))
        print(as_text(space, ranked, objective))
        self._keep(parallel_coordinates(space, tried, best, objective), "parallel_coordinates")
        importances = self.search.importances()
        if importances:
            self._keep(importance_bars(importances, len(tried)), "importances")
        self._name_best(best)

    def _name_best(self, best: Tried) -> None:
        words = self.words.space.words(best.params)
        command = shlex.join(_train_words(self.words, words, self.folder, self.out))
        chosen = dict(word.split("=", 1) for word in words)
        self.run.tags({f"best.{key}": value for key, value in chosen.items()})
        self.run.tags({"best.trial": str(best.number), "best.command": command})
        print(f"trial {best.number} is best: {self.config.objective} {best.value:.4f} with {' '.join(words)}")
        print(f"train with it:\n{command}")

    def _keep(self, figure: Figure, name: str) -> None:
        """In the folder as well as in the run, for those who track nothing."""
        figure.savefig(self.out / f"{name}.png", dpi=120)
        self.run.figure(figure, name)


def _read(words: Sequence[str], folder: Path | None) -> Words:
    """Words of the command line, after those that the option of the group `space` stands for."""
    fixed = take_apart(words).fixed
    space = compose(SweepConfig, NAME, fixed, folder).space
    apart = take_apart([*(f"{key}={sweep}" for key, sweep in space.items()), *words])
    if not apart.space.varied:
        example = "learning.towers.dim=choice(32,64)"
        raise UsageError(f"nothing varies; give at least one key several values, as in '{example}', or space=towers")
    return apart


def _check(apart: Words, folder: Path | None) -> None:
    """Compose each value once: a UsageError tells of a wrong key or type before anything is learned."""
    for varied in apart.space.varied:
        for value in varied.samples():
            try:
                compose(SweepConfig, NAME, [*apart.fixed, varied.word(value)], folder)
            except UsageError as error:
                raise UsageError(f"{varied.key}={varied.written} cannot be: {error}") from error
            except ValueError:
                continue  # a class may refuse this value beside the others' defaults; the trial itself will tell


def _described(config: SweepConfig, apart: Words, dataset: Dataset, parts: Split) -> dict[str, str]:
    """What must be the same in all trials of a sweep, by name."""
    ours = {field.name for field in fields(SearchConfig)} | {"out", "resume", "name", "keep", "refit"}
    shared = [word for word in apart.fixed if _top(word) not in ours | {"data", "split", "tracking"}]
    return {
        "data": dataset.fingerprint,
        "split": split_in_words(parts),
        "objective": f"{config.objective} ({config.direction})",
        "space": " ".join(f"{key}={written}" for key, written in apart.space.written.items()),
        "words": " ".join(sorted(shared)),
    }


def _train_words(apart: Words, best: Sequence[str], folder: Path | None, out: Path) -> list[str]:
    """The command line that trains with the best values."""
    ours = {field.name for field in fields(SearchConfig)} | {"out", "resume", "name"}
    passed = [word for word in apart.fixed if _top(word) not in ours]
    more = ["--config-dir", str(folder)] if folder else []
    return ["marquee", "train", *passed, *best, f"out={out / 'best'}", *more]


def _top(word: str) -> str:
    """First part of a word's key."""
    return word.lstrip("+").partition("=")[0].partition(".")[0]


def _one_line(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"[:300]
