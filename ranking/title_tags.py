"""What a title must show to carry a tag of a micro-genre, and which names are true of a title that came later.

Shapes: T tags, G micro-genres, P pairs of a genre and one of its tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

FILE: Final = "genre_rules.json"
_LABEL, _WORD, _MOST_WORDS = 2.0, 0.5, 3


@dataclass(frozen=True, eq=False)
class TitleFacts:
    """One title; labels and text in lower case."""

    title: str
    genres: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    maturity: frozenset[str] = frozenset()
    text: str = ""
    year: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)

    def labels(self, kind: str) -> frozenset[str]:
        """Labels of a kind, a field's name."""
        found: frozenset[str] = getattr(self, kind)
        return found


@dataclass(frozen=True, eq=False)
class Tag:
    """One predicate. `excludes` are forms that contradict it; `measure` names a figure, `share` how many carry it."""

    slot: str
    form: str
    labels: Mapping[str, frozenset[str]]
    words: re.Pattern[str] | None = None
    years: tuple[int, int] | None = None
    measure: str | None = None
    share: float = 0.25
    excludes: frozenset[str] = frozenset()

    def score(self, facts: TitleFacts) -> float:
        """How strongly the title shows it; 0 is not at all."""
        if self.measure is not None:
            return facts.measures.get(self.measure, 0.0)
        if self.years is not None:
            return float(facts.year is not None and self.years[0] <= facts.year <= self.years[1])
        labelled = _LABEL * any(wanted & facts.labels(kind) for kind, wanted in self.labels.items())
        if self.words is None:
            return labelled
        return labelled + _WORD * min(len(self.words.findall(facts.text)), _MOST_WORDS)


class Rule(msgspec.Struct, frozen=True):
    """A tag as a file holds it, and the `least` score that carries it; `words` is a pattern."""

    labels: dict[str, list[str]]
    words: str | None
    years: tuple[int, int] | None
    measure: str | None
    least: float

    @classmethod
    def of(cls, tag: Tag, least: float) -> Self:
        """The tag without its form."""
        labels = {kind: sorted(wanted) for kind, wanted in tag.labels.items()}
        return cls(labels, None if tag.words is None else tag.words.pattern, tag.years, tag.measure, least)

    def as_tag(self) -> Tag:
        """What scores titles."""
        labels = {kind: frozenset(wanted) for kind, wanted in self.labels.items()}
        words = None if self.words is None else re.compile(self.words)
        return Tag("", "", labels, words, self.years, self.measure)


class GenreRules(msgspec.Struct, frozen=True, dict=True):
    """`genre_rules.json`: needs[g] are places of the rules that the titles of genre g obey, all of them."""

    rules: list[Rule]
    needs: list[list[int]]

    def genres_of(self, facts: TitleFacts) -> NDArray[np.int64]:
        """Genres whose names are true of a title, ascending."""
        scores = np.array([tag.score(facts) for tag in self._tags])
        carried = (scores > 0) & (scores >= [rule.least for rule in self.rules])
        genre, tag = self._pairs
        met = np.bincount(genre, carried[tag], len(self.needs))
        return np.flatnonzero((met == np.bincount(genre, minlength=len(self.needs))) & (met > 0))

    @cached_property
    def _tags(self) -> Sequence[Tag]:
        return [rule.as_tag() for rule in self.rules]

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Genre and rule [P]."""
        genre = np.repeat(np.arange(len(self.needs)), [len(each) for each in self.needs])
        return genre, np.array([tag for each in self.needs for tag in each], dtype=np.int64)

    def save(self, folder: Path) -> None:
        """Write `genre_rules.json`."""
        (folder / FILE).write_bytes(msgspec.json.encode(self))

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None when there is nothing."""
        path = folder / FILE
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.is_file() else None
