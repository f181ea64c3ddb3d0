"""What a sweep varies, in Hydra's grammar: choice(a,b), range(1,4), interval(0,1), tag(log,interval(1e-4,1e-2))."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from training.errors import UsageError

Distribution = CategoricalDistribution | IntDistribution | FloatDistribution
Params = Mapping[str, Any]

VARIES: Final = "learning."
"""Trials learn the towers and nothing after them, so only keys of that part may vary."""

STAYS: Final = ("learning.questions_a_viewer", "learning.batch.max_queries")
"""Keys that change the validation questions: trials with different ones could not be compared."""

LARGEST_GRID: Final = 10_000
GRAMMAR: Final = (
    "write choice(32,64), range(1,4), interval(0.1,0.5), tag(log,interval(1e-4,1e-2)) or int(interval(8,64))"
)
LIKE_A_SWEEP: Final = re.compile(r"\w+\(")


class Varied(NamedTuple):
    """One key, its sweep as written, and what Optuna draws from.

    The end of range() is left out, as in Hydra; both ends of interval() belong to it.
    """

    key: str
    written: str
    distribution: Distribution

    def text(self, value: object) -> str:
        """A drawn value as one would write it: four digits for values of an interval, so that words stay readable."""
        if isinstance(value, float):
            is_continuous = isinstance(self.distribution, FloatDistribution) and self.distribution.step is None
            return f"{value:.4g}" if is_continuous else f"{value:.12g}"
        return str(value)

    def word(self, value: object) -> str:
        """KEY=VALUE for the command line."""
        return f"{self.key}={self.text(value)}"

    def values(self) -> Sequence[str | int | float] | None:
        """Every possible value in order; None where there is a continuum."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return [str(choice) for choice in choices]
            case IntDistribution(low=low, high=high, step=step):
                return range(low, high + 1, step)
            case FloatDistribution(low=low, high=high, step=float(step)):
                return [low + step * place for place in range(round((high - low) / step) + 1)]
        return None

    def samples(self) -> Sequence[str | int | float]:
        """Values that stand for all when the key's type is checked: all of a choice, else the ends and one between."""
        values = self.values()
        if values is None:
            assert isinstance(self.distribution, FloatDistribution)
            low, high = self.distribution.low, self.distribution.high
            return (low, low + (high - low) / math.pi, high)
        return values if isinstance(self.distribution, CategoricalDistribution) else (values[0], values[-1])


class Space(NamedTuple):
    """All varied keys in the order of their words."""

    varied: tuple[Varied, ...]

    @property
    def distributions(self) -> dict[str, Distribution]:
        return {one.key: one.distribution for one in self.varied}

    @property
    def written(self) -> dict[str, str]:
        return {one.key: one.written for one in self.varied}

    @property
    def size(self) -> float:
        """Number of combinations; infinite with an interval."""
        return math.prod(math.inf if (values := one.values()) is None else len(values) for one in self.varied)

    def words(self, params: Params) -> list[str]:
        """KEY=VALUE of one trial."""
        return [one.word(params[one.key]) for one in self.varied]

    def grid(self) -> Iterator[dict[str, Any]]:
        """Every combination; a UsageError where there are too many."""
        if self.size > LARGEST_GRID:
            continuous = next((one for one in self.varied if one.values() is None), None)
            why = f"{continuous.key}={continuous.written} is continuous" if continuous else f"{self.size} combinations"
            raise UsageError(f"no grid: {why}; give choice() or range() of few values, or sampler=tpe")
        keys = [one.key for one in self.varied]
        for values in itertools.product(*(one.values() or () for one in self.varied)):
            yield dict(zip(keys, values, strict=True))


class Words(NamedTuple):
    """A command line taken apart: what all trials share and what varies."""

    fixed: tuple[str, ...]
    space: Space


def take_apart(words: Sequence[str]) -> Words:
    """Sort words; of two for one key the last counts. A UsageError names a sweep that cannot be."""
    fixed: dict[str, str] = {}
    varied: dict[str, Varied] = {}
    for word in words:
        one = _varied(word)
        key = one.key if one else word.partition("=")[0].lstrip("+")
        fixed.pop(key, None)
        varied.pop(key, None)
        if one is None:
            fixed[key] = word
        else:
            varied[key] = one
    return Words(tuple(fixed.values()), Space(tuple(varied.values())))


def _varied(word: str) -> Varied | None:
    """None for a word of one value; outside of what may vary a comma is part of the value, as in a path."""
    key, _, written = word.lstrip("+").partition("=")
    may_vary = key.startswith(VARIES) and key not in STAYS
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        if may_vary and LIKE_A_SWEEP.match(written):
            raise UsageError(f"{word!r} is not understood; {GRAMMAR}") from error
        return None
    if not override.is_sweep_override() or not (may_vary or LIKE_A_SWEEP.match(written)):
        return None
    if not may_vary:
        why = "it changes the validation questions" if key in STAYS else f"only keys under {VARIES} may"
        raise UsageError(f"{key} cannot vary: {why}; give it one value")
    try:
        return Varied(key, written, _distribution(override))
    except (ValueError, HydraException) as error:
        raise UsageError(f"{word!r} is no sweep ({str(error).splitlines()[0]}); {GRAMMAR}") from error


def _distribution(override: Override) -> Distribution:
    sweep = override.value()
    is_log = _is_log(override)
    match sweep:
        case ChoiceSweep() if not is_log:
            return CategoricalDistribution(tuple(dict.fromkeys(override.sweep_string_iterator())))
        case RangeSweep() if not is_log:
            return _steps(sorted(float(str(number)) for number in override.sweep_iterator()), sweep)
        case IntervalSweep(start=int(low), end=int(high)):
            return IntDistribution(low, high, log=is_log)
        case IntervalSweep(start=float(low), end=float(high)):
            return FloatDistribution(low, high, log=is_log)
        case _:
            raise ValueError("log goes with an interval alone" if is_log else "this kind cannot be drawn from")


def _steps(numbers: Sequence[float], sweep: RangeSweep) -> Distribution:
    if not numbers:
        raise ValueError("an empty range")
    if isinstance(sweep.start, int) and isinstance(sweep.step, int):
        return IntDistribution(int(numbers[0]), int(numbers[-1]), step=abs(sweep.step))
    return FloatDistribution(numbers[0], numbers[-1], step=abs(float(sweep.step)))


def _is_log(override: Override) -> bool:
    tags: set[str] = getattr(override.value(), "tags", set())
    if tags - {"log"}:
        raise ValueError(f"unknown tag {', '.join(sorted(tags - {'log'}))}")
    return bool(tags)
