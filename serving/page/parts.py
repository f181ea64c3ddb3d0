"""What the page reads of a bundle beside the recommender's parts; every file is optional.

Shapes: R item rows, S segments of viewers, D embedding, G micro-genres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ranking.micro_genres import MicroGenres
from ranking.title_tags import GenreRules, TitleFacts
from ranking.watching import WatchLog
from serving.bundle import Bundle
from serving.catalogue import Catalogue
from serving.item_messages import ItemMessage
from serving.page.titles import TitleTable
from serving.shelf import Shelf
from towers.vocabulary import NUM_RESERVED

SEGMENTS: Final = "viewer_segments.npz"


@dataclass(frozen=True, eq=False)
class ViewerSegments:
    """Viewers of a kind: centres float32 [S, D] of mean item vectors; shares float32 [S, R] of what they choose."""

    centres: NDArray[np.float32]
    shares: NDArray[np.float32]

    def nearest(self, taste: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shares [R] in the segment of a viewer with the mean item vector `taste` [D]."""
        nearest: NDArray[np.float32] = self.shares[int((self.centres @ taste).argmax())]
        return nearest

    def save(self, folder: Path) -> None:
        """Write `viewer_segments.npz`."""
        with (folder / SEGMENTS).open("wb") as file:
            np.savez_compressed(file, centres=self.centres, shares=self.shares)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None when there is nothing."""
        if not (folder / SEGMENTS).is_file():
            return None
        with np.load(folder / SEGMENTS, allow_pickle=False) as parts:
            return cls(parts["centres"], parts["shares"])


@dataclass(frozen=True, eq=False)
class PageParts:
    """Titles, micro-genres, segments and what viewers watched how, with what follows from them."""

    bundle: Bundle
    catalogue: Catalogue
    titles: TitleTable
    genres: MicroGenres | None
    rules: GenreRules | None
    segments: ViewerSegments | None
    watched: WatchLog | None = None

    @classmethod
    def load(cls, bundle: Bundle) -> Self:
        """Read the page's files of the bundle."""
        num_rows = bundle.spec.vocabulary.num_rows
        folder = bundle.folder
        genres, rules = MicroGenres.load(folder), GenreRules.load(folder)
        titles, segments = TitleTable.load(folder, num_rows), ViewerSegments.load(folder)
        return cls(bundle, bundle.catalogue, titles, genres, rules, segments, WatchLog.load(folder))

    @cached_property
    def releases(self) -> NDArray[np.float64]:
        """Release times [R] in milliseconds, NaN where unknown."""
        return self.titles.releases()

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """Minutes [R], NaN where unknown."""
        return self.titles.lengths()

    @cached_property
    def is_series(self) -> NDArray[np.float64]:
        """1 for series [R], 0 for everything else."""
        return np.array([kind == "series" for kind in self.titles.kind], dtype=np.float64)

    @cached_property
    def base(self) -> NDArray[np.float64]:
        """Share of each micro-genre [G] in the choices of all viewers."""
        if self.genres is None:
            return np.empty(0)
        rows = np.arange(NUM_RESERVED, self.bundle.spec.vocabulary.num_rows)
        counts = self.bundle.popularity[rows] + 1e-9
        return self.genres.weights(rows, counts / counts.sum())

    def grown(self, shelf: Shelf, num_rows: int, put: Mapping[int, ItemMessage], of_bundle: TitleTable) -> Self:
        """With the titles `put` since, by row; `of_bundle` is the bundle's own table.

        Nothing is worked out anew of the other titles: their part is copied, some ten arrays and lists of R.
        """
        titles = self.titles.grown(num_rows, put, shelf.put_ms, of_bundle)
        releases, lengths, is_series = (
            _longer(each, num_rows, unknown)
            for each, unknown in ((self.releases, np.nan), (self.lengths, np.nan), (self.is_series, 0.0))
        )
        changed = list(put)
        releases[changed] = [np.nan if (at := titles.release_ms[row]) is None else at for row in changed]
        genres = self.genres
        if genres is not None and self.rules is not None:
            genres = genres.with_later({row: self.rules.genres_of(facts_of(put[row])) for row in changed})
        grown = replace(self, catalogue=self.catalogue.grown(num_rows, put), titles=titles, genres=genres)
        vars(grown).update(releases=releases, lengths=lengths, is_series=is_series, base=self.base)
        return grown


def facts_of(item: ItemMessage) -> TitleFacts:
    """What a message tells of a title; nobody has rated it, so no name that needs ratings is true of it."""
    return TitleFacts(
        title=item.title,
        genres=frozenset(label.lower() for label in item.genres),
        people=frozenset(name.lower() for name in item.people),
        maturity=frozenset({item.maturity.lower()} - {""}),
        text=item.text.lower(),
        year=item.year,
    )


def _longer(values: NDArray[np.float64], num_rows: int, unknown: float) -> NDArray[np.float64]:
    """A copy of `num_rows` values."""
    return np.append(values, np.full(num_rows - len(values), unknown))
