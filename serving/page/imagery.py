"""What the images of titles show, and how well that fits a viewer.

Shapes: R item rows, V images of a title, G genres, T titles, H history.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serving.page.moment import RECENT, weights_of
from towers.history import History

PRIOR_PLAYS = 2.0
"""Plays without any taste that are mixed into everybody's."""


class Imagery:
    """Genres of the titles [R, G], each title's adding up to 1, and the genre that each image [R, V] shows."""

    def __init__(self, genre_labels: Sequence[Sequence[str]], artworks: Sequence[Sequence[str]]) -> None:
        names = sorted({name for each in genre_labels for name in each})
        place = {name: n for n, name in enumerate(names)}
        self.labels = np.zeros((len(genre_labels), len(names)))
        for row, each in enumerate(genre_labels):
            for name in each:
                self.labels[row, place[name]] = 1 / len(each)
        width = max((len(each) for each in artworks), default=0)
        self._shows = np.full((len(artworks), max(width, 1)), len(names), dtype=np.int64)
        for row, each in enumerate(artworks):
            for image, words in enumerate(each):
                self._shows[row, image] = place.get(words.partition(":")[2].strip(), len(names))
        self.num_images = np.array([max(len(each), 1) for each in artworks], dtype=np.int64)

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
        fit = np.take_along_axis(tastes, np.minimum(shown, tastes.shape[1] - 1)[:, None], axis=1)[:, 0]
        return np.where(shown < tastes.shape[1], fit, 0.0)


def as_taste(plays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plays by genre [.., G] as shares; little is made of few plays."""
    taste: NDArray[np.float64] = plays / (plays.sum(axis=-1, keepdims=True) + PRIOR_PLAYS)
    return taste
