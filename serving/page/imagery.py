"""What the images of titles show, and how well that fits a viewer.

Shapes: R item rows, V images of a title, G genres, T titles, H history.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.page.moment import RECENT, weights_of
from towers.history import History

NO_GENRE: Final = -1
"""What an image shows that names no genre."""

PRIOR_PLAYS = 2.0
"""Plays without any taste that are mixed into everybody's."""


class Imagery:
    """Genres of the titles [R, G], each title's adding up to 1, and the genre that each image [R, V] shows."""

    def __init__(self, genre_labels: Sequence[Sequence[str]], artworks: Sequence[Sequence[str]]) -> None:
        self._place = {name: n for n, name in enumerate(sorted({name for each in genre_labels for name in each}))}
        self.labels = self._shares(genre_labels)
        width = max((len(each) for each in artworks), default=0)
        self._shows = np.full((len(artworks), max(width, 1)), NO_GENRE)
        for row, each in enumerate(artworks):
            for image, words in enumerate(each):
                self._shows[row, image] = self._place.get(words.partition(":")[2].strip(), NO_GENRE)
        self.num_images = np.array([max(len(each), 1) for each in artworks], dtype=np.int64)

    def grown(self, genre_labels: Sequence[Sequence[str]], changed: Sequence[int]) -> Imagery:
        """With the genres of `changed` rows and of new ones, which have one image that shows nothing in particular."""
        imagery, more = copy(self), len(genre_labels) - len(self.labels)
        named = dict.fromkeys(name for row in changed for name in genre_labels[row] if name not in self._place)
        imagery._place = self._place | {name: len(self._place) + n for n, name in enumerate(named)}
        imagery.labels = np.pad(self.labels, ((0, more), (0, len(named))))
        imagery.labels[list(changed)] = imagery._shares([genre_labels[row] for row in changed])
        imagery._shows = np.pad(self._shows, ((0, more), (0, 0)), constant_values=NO_GENRE)
        imagery.num_images = np.append(self.num_images, np.ones(more, dtype=np.int64))
        return imagery

    def _shares(self, genre_labels: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Share of each genre [n, G] in the labels of titles [n]."""
        shares = np.zeros((len(genre_labels), len(self._place)))
        for n, each in enumerate(genre_labels):
            for name in each:
                shares[n, self._place[name]] = 1 / len(each)
        return shares

    def taste(self, history: History) -> NDArray[np.float64]:
        """Share of each genre [G] in what the viewer liked of late."""
        recent = history.last(RECENT)
        known = recent.rows < len(self.labels)
        weights = np.maximum(weights_of(recent), 0)[known]
        return as_taste(weights @ self.labels[recent.rows[known]])

    def fit(self, rows: NDArray[np.int64], taste: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much of a taste [G] lies in each image [T, V] of the rows [T]."""
        fit: NDArray[np.float64] = np.append(taste, 0.0)[self._shows[rows]]
        return fit

    def fit_of(
        self, rows: NDArray[np.int64], images: NDArray[np.int64], tastes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How much of its own taste [T, G] lies in one image [T] of each row [T]."""
        shown = self._shows[rows, images]
        fit = np.take_along_axis(tastes, np.maximum(shown, 0)[:, None], axis=1)[:, 0]
        return np.where(shown == NO_GENRE, 0.0, fit)


def as_taste(plays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plays by genre [.., G] as shares; little is made of few plays."""
    taste: NDArray[np.float64] = plays / (plays.sum(axis=-1, keepdims=True) + PRIOR_PLAYS)
    return taste
