"""The trials of a sweep: drawn by Optuna, kept in its SQLite file, so that an interrupted sweep goes on."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from training.errors import UsageError
from training.sweep_space import Params, Space

STORE: Final = "sweep.db"
STUDY: Final = "sweep"
MOST_REPEATS: Final = 200
"""Draws of combinations already tried, one after the other, that end a sweep."""

PRUNED_FROM_EPOCH: Final = 3
NUM_UNPRUNED: Final = 4
"""Trials that run in full before others are measured by them."""


@dataclass(frozen=True)
class SearchConfig:
    """How long to search, by which rules and for what; `marquee sweep --help` explains each key."""

    trials: int = 20
    minutes: float = 0.0
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruner: Literal["median", "none"] = "median"
    objective: str = "val/ndcg@10"
    direction: Literal["max", "min"] = "max"
    space: Mapping[str, str] = field(default_factory=dict)


class Tried(NamedTuple):
    """One trial that ended: completed, pruned or failed (then `error` says why); value NaN where none was measured."""

    number: int
    state: str
    value: float
    params: Params
    epochs: int
    minutes: float
    error: str


class Search:
    """Asks Optuna for combinations and tells it what came of them."""

    def __init__(self, study: optuna.Study, space: Space) -> None:
        self.study = study
        self.space = space

    @classmethod
    def open(cls, out: Path, config: SearchConfig, space: Space, seed: int, resume: bool) -> Search:
        """The sweep in the folder, begun or gone on with; a UsageError where one is there and `resume` is not set."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        combinations = list(space.grid()) if config.sampler == "grid" else []
        search = cls(_study(out / STORE, config.direction, resume), space)
        search.study.sampler = _sampler(config.sampler, seed + len(search.study.trials))
        search.study.pruner = _pruner(config.pruner)
        search._take_up_interrupted()
        random.Random(seed).shuffle(combinations)  # noqa: S311 - a grid cut short has seen something of every key
        for params in combinations:
            search.study.enqueue_trial(params, skip_if_exists=True)
        return search

    def agree(self, described: Mapping[str, str]) -> None:
        """Keep what the sweep is about; a UsageError where its file is about something else."""
        for name, value in described.items():
            before = self.study.user_attrs.get(name, value)
            if before != value:
                then, now = (
                    " ".join(sorted(set(one) - set(other))) or "nothing" for one, other in _pairs(before, value)
                )
                raise UsageError(
                    f"the sweep's {name} had {then}, now {now}; resume with the same or choose another out="
                )
            self.study.set_user_attr(name, value)

    def ask(self) -> optuna.Trial | None:
        """A combination not tried before; None where none is found."""
        for _ in range(MOST_REPEATS):
            trial = self.study.ask(dict(self.space.distributions))
            earlier = self._earlier(trial.params)
            if earlier is None:
                return trial
            trial.set_user_attr("repeats", earlier.number)
            is_complete = earlier.state == TrialState.COMPLETE
            self.study.tell(trial, earlier.value if is_complete else None, state=earlier.state)
        return None

    def tell(self, trial: optuna.Trial, value: float | None) -> None:
        """The value of a trial; None says that it was pruned."""
        trial.set_user_attr("ended", True)
        self.study.tell(trial, value, state=TrialState.PRUNED if value is None else TrialState.COMPLETE)

    def fail(self, trial: optuna.Trial, error: str) -> None:
        """Keep why there is no value."""
        trial.set_user_attr("ended", True)
        trial.set_user_attr("error", error)
        self.study.tell(trial, state=TrialState.FAIL)

    def tried(self) -> list[Tried]:
        """All that ended, in their order, without repeats."""
        return [self._tried(trial) for trial in self._ended()]

    def best(self) -> Tried | None:
        """The best one that completed."""
        completed = [one for one in self.tried() if one.state == "complete"]
        return max(completed, key=lambda one: self._goodness(one.value), default=None)

    def is_exhausted(self) -> bool:
        """Whether every combination was tried."""
        return len(self._ended()) >= self.space.size

    def importances(self) -> dict[str, float]:
        """Share of each varied key in what makes trials good (PED-ANOVA, Watanabe et al. 2023); {} for too few."""
        completed = [trial for trial in self._ended() if trial.state == TrialState.COMPLETE]
        if len(completed) < 4 or len({trial.value for trial in completed}) < 2:
            return {}
        study = optuna.create_study(direction=self.study.direction)
        study.add_trials(completed)
        return {name: float(share) for name, share in optuna.importance.get_param_importances(study).items()}

    def _goodness(self, value: float) -> float:
        return value if self.study.direction == StudyDirection.MAXIMIZE else -value

    def _ended(self) -> list[FrozenTrial]:
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.user_attrs.get("ended")]

    def _earlier(self, params: Params) -> FrozenTrial | None:
        words = self.space.words(params)
        return next((trial for trial in self._ended() if self.space.words(trial.params) == words), None)

    def _tried(self, trial: FrozenTrial) -> Tried:
        reported = list(trial.intermediate_values.values())
        measured = max(reported, key=self._goodness, default=math.nan)
        return Tried(
            number=trial.number,
            state="failed" if trial.state == TrialState.FAIL else trial.state.name.lower(),
            value=trial.value if trial.value is not None and trial.state == TrialState.COMPLETE else measured,
            params=trial.params,
            epochs=len(reported),
            minutes=trial.duration.total_seconds() / 60 if trial.duration else 0.0,
            error=str(trial.user_attrs.get("error", "")),
        )

    def _take_up_interrupted(self) -> None:
        """Trials that never ended are drawn again first."""
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)
            if trial.params:
                self.study.enqueue_trial(trial.params)


def _pairs(before: str, now: str) -> tuple[tuple[list[str], list[str]], ...]:
    """Words of both, in both orders."""
    return (before.split(), now.split()), (now.split(), before.split())


def _study(path: Path, direction: str, resume: bool) -> optuna.Study:
    """The study in a file; one in which no trial ended is begun anew unless it is to be resumed."""
    storage = f"sqlite:///{path.resolve()}"
    if path.exists() and not resume:
        before = optuna.load_study(study_name=STUDY, storage=storage)
        if any(trial.user_attrs.get("ended") for trial in before.trials):
            raise UsageError(f"{path} holds a sweep already; resume=true goes on with it, another out= begins anew")
        optuna.delete_study(study_name=STUDY, storage=storage)
    wanted = StudyDirection.MAXIMIZE if direction == "max" else StudyDirection.MINIMIZE
    return optuna.create_study(storage=storage, study_name=STUDY, direction=wanted, load_if_exists=True)


def _sampler(name: str, seed: int) -> BaseSampler:
    """A resumed sweep gets another seed, or it would draw its first combinations once more."""
    return TPESampler(seed=seed) if name == "tpe" else RandomSampler(seed=seed)


def _pruner(name: str) -> BasePruner:
    return MedianPruner(NUM_UNPRUNED, n_warmup_steps=PRUNED_FROM_EPOCH) if name == "median" else NopPruner()
