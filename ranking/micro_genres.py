"""Micro-genres as serving reads them: names with their titles, and which of them suit a viewer.

Shapes: G micro-genres, S stored pairs of genre and title, R item rows, L history, K candidates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

PRIOR = 4.0
"""Plays of an average viewer that are mixed into everybody's."""

LATER_STRENGTH: Final = 0.5
"""Of titles whose place among the others of a tag is not known."""


@dataclass(frozen=True, eq=False)
class MicroGenres:
    """Genre g is called names[g], made of tags[g] and owns positions offsets[g] to offsets[g + 1], best first.

    offsets: int64 [G + 1]. rows: int64 [S]. strengths: float32 [S]. num_rows is R. later: genres of rows that came or
    changed after training, at `LATER_STRENGTH`; what was known of them before does not count.
    """

    names: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    strengths: NDArray[np.float32]
    num_rows: int
    later: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        tags: Sequence[Sequence[str]],
        members: Sequence[NDArray[np.int64]],
        strengths: Sequence[NDArray[np.float32]],
        num_rows: int,
    ) -> MicroGenres:
        """From one array of rows and one of strengths a genre."""
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in members])]).astype(np.int64)
        return cls(
            tuple(names),
            tuple(tuple(each) for each in tags),
            offsets,
            np.concatenate([np.empty(0, np.int64), *members]).astype(np.int64),
            np.concatenate([np.empty(0, np.float32), *strengths]).astype(np.float32),
            num_rows,
        )

    @property
    def num_genres(self) -> int:
        """G."""
        return len(self.names)

    @cached_property
    def slugs(self) -> tuple[str, ...]:
        """Each name as a part of a row id."""
        return tuple(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in self.names)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Share of the titles that each genre holds [G]."""
        return np.diff(self.offsets) / max(self.num_rows - 2, 1)

    def titles(self, genre: int) -> NDArray[np.int64]:
        """Rows of one genre, best first."""
        return self.rows[self.offsets[genre] : self.offsets[genre + 1]]

    @cached_property
    def _by_row(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Offsets by item row [R + 1], genres [S] and strengths [S]."""
        genre = np.repeat(np.arange(self.num_genres), np.diff(self.offsets))
        order = np.argsort(self.rows, kind="stable")
        counts = np.bincount(self.rows, minlength=self.num_rows)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), genre[order], self.strengths[order]

    @cached_property
    def _later_rows(self) -> NDArray[np.int64]:
        return np.array(list(self.later), dtype=np.int64)

    def with_later(self, later: Mapping[int, NDArray[np.int64]]) -> Self:
        """With the genres of rows that came or changed since; what was prepared for the others is shared."""
        grown = replace(self, later={**self.later, **later})
        kept = {name: value for name, value in vars(self).items() if name not in {*vars(grown), "_later_rows"}}
        vars(grown).update(kept)
        return grown

    def pairs(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every membership of the rows [L]: place in `rows`, genre and strength, in parallel arrays."""
        offsets, genres, strengths = self._by_row
        is_later = np.isin(rows, self._later_rows)
        known = np.where((rows < self.num_rows) & ~is_later, rows, 0)
        starts, lengths = offsets[known], offsets[known + 1] - offsets[known]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        places = np.arange(total) + np.repeat(starts - ends + lengths, lengths)
        found = np.repeat(np.arange(len(rows)), lengths), genres[places], strengths[places]
        return self._and_later(rows, np.flatnonzero(is_later), *found) if is_later.any() else found

    def _and_later(
        self,
        rows: NDArray[np.int64],
        at: NDArray[np.int64],
        place: NDArray[np.int64],
        genre: NDArray[np.int64],
        strength: NDArray[np.float32],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """The pairs, and those of the later titles at the places `at` of the rows behind them."""
        more = [self.later[row] for row in rows[at].tolist()]
        places = np.repeat(at, [len(each) for each in more])
        halves = np.full(len(places), LATER_STRENGTH, dtype=np.float32)
        return np.append(place, places), np.concatenate([genre, *more]), np.append(strength, halves)

    def weights(self, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Summed weight [G] of the rows [L] that each genre holds."""
        place, genre, _ = self.pairs(rows)
        return np.bincount(genre, weights[place], self.num_genres).astype(np.float64)

    def affinity(
        self, rows: NDArray[np.int64], weights: NDArray[np.float64], base: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How much more of each genre [G] a history [L] holds than `base` [G], the share of an average one."""
        total = float(np.abs(weights).sum())
        mine = self.weights(rows, weights)
        lift: NDArray[np.float64] = np.log(
            (np.maximum(mine, 0) + PRIOR * base + 1e-9) / ((total + PRIOR) * base + 1e-9)
        )
        return lift

    def save(self, folder: Path) -> None:
        """Write `micro_genres.json` and `micro_genres.npz`."""
        meta = {"names": self.names, "tags": self.tags, "num_rows": self.num_rows}
        (folder / "micro_genres.json").write_text(json.dumps(meta, ensure_ascii=False))
        with (folder / "micro_genres.npz").open("wb") as file:
            np.savez_compressed(file, offsets=self.offsets, rows=self.rows, strengths=self.strengths)

    @classmethod
    def load(cls, folder: Path) -> MicroGenres | None:
        """Read what `save` wrote; None when there is nothing."""
        if not (folder / "micro_genres.json").is_file():
            return None
        meta = json.loads((folder / "micro_genres.json").read_text())
        with np.load(folder / "micro_genres.npz", allow_pickle=False) as parts:
            arrays = {name: parts[name] for name in ("offsets", "rows", "strengths")}
        return cls(tuple(meta["names"]), tuple(map(tuple, meta["tags"])), **arrays, num_rows=int(meta["num_rows"]))
