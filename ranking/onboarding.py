"""Which titles to ask a newcomer about.

A title is worth asking about when the viewer is likely to know it, and when a like of it makes the first titles of the
page suit better those who gave it. Both are counted on viewers who are known, the `Crowd`; each answer narrows the
crowd to those who would have given it.
Shapes: U viewers of the crowd, N titles, D embedding, Q askable titles, A answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.crowd import Crowd
from ranking.newcomer import Newcomer


class Answers(NamedTuple):
    """Titles of the crowd, int64 [A]: liked, disliked, and all that were asked about, unknown ones too."""

    liked: NDArray[np.int64]
    disliked: NDArray[np.int64]
    asked: NDArray[np.int64]


NOTHING_SAID = Answers(*(np.empty(0, dtype=np.int64) for _ in range(3)))


class Asker:
    """Grids of titles to ask about; what it returns hangs on the crowd and the answers alone."""

    @dataclass(frozen=True)
    class Config:
        """The `num_askable` best known titles may be asked about. `familiar` is the power of the chance that the viewer
        knows a title, `spread` that of its distance from what was asked before. `length` titles of the page are judged;
        `caution` likers who gain nothing are added. An answer in common makes a viewer of the crowd
        exp(`likeness`) times as alike.
        """

        num_askable: int = 400
        familiar: float = 0.5
        spread: float = 1.0
        length: int = 20
        caution: float = 20.0
        likeness: float = 0.5

    def __init__(self, crowd: Crowd, newcomer: Newcomer | None = None, config: Config | None = None) -> None:
        self._config = config or self.Config()
        self._crowd = crowd
        order = np.argsort(-crowd.counts, kind="stable")
        self._askable: NDArray[np.int64] = order[: self._config.num_askable]
        self._known = crowd.likes[:, self._askable].astype(np.float32)
        self.newcomer = newcomer or Newcomer()
        self._value = gains(crowd, self._askable, self.newcomer, self._config.length, self._config.caution)

    @property
    def crowd(self) -> Crowd:
        """Whose titles are asked about."""
        return self._crowd

    def popular(
        self, k: int, answers: Answers = NOTHING_SAID, is_open: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The k best known titles [k] not asked about yet, among those that may be shown, `is_open` [N]."""
        return self._askable[self._stays(answers.asked, is_open)][:k]

    def diverse(
        self, k: int, answers: Answers = NOTHING_SAID, is_open: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Up to k titles that many know and that tell much, far from each other and from those asked; best first."""
        return self._grid(k, self._known.mean(axis=0), answers.asked, is_open)

    def adaptive(
        self, k: int, answers: Answers = NOTHING_SAID, is_open: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """As `diverse`, for those of the crowd who would have answered alike."""
        alike = self._alike(answers)
        return self._grid(k, alike @ self._known / alike.sum(), answers.asked, is_open)

    def _alike(self, answers: Answers) -> NDArray[np.float32]:
        """Weight [U] of each viewer of the crowd."""
        likes = self._crowd.likes
        shared = likes[:, answers.liked].sum(axis=1) - likes[:, answers.disliked].sum(axis=1, dtype=np.int64)
        weights: NDArray[np.float32] = np.exp(self._config.likeness * (shared - shared.max())).astype(np.float32)
        return weights

    def _stays(self, asked: NDArray[np.int64], is_open: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Which of the askable titles [Q] may be asked about now."""
        stays = ~np.isin(self._askable, asked)
        return stays if is_open is None else stays & is_open[self._askable]

    def _grid(
        self, k: int, known: NDArray[np.float32], asked: NDArray[np.int64], is_open: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        vectors = self._crowd.vectors
        mine = vectors[self._askable]
        worth = self._value * known**self._config.familiar
        worth[~self._stays(asked, is_open)] = -1
        near = (mine @ vectors[asked].T).max(axis=1, initial=0.0)
        grid: list[int] = []
        for _ in range(min(k, int((worth >= 0).sum()))):
            best = int(np.argmax(worth * np.clip(1 - near, 1e-3, 1) ** self._config.spread))
            grid.append(best)
            worth[best] = -1
            near = np.maximum(near, mine @ mine[best])
        return self._askable[grid]


def gains(
    crowd: Crowd, titles: NDArray[np.int64], newcomer: Newcomer, length: int, caution: float
) -> NDArray[np.float64]:
    """How much better the first titles after a like of each of `titles` [Q] suit those who like it [Q], at least 1e-6.

    The measure is the discounted gain of the first `length` titles, counting the likes of a viewer as hits.
    """
    prior = newcomer.prior(crowd.counts)
    liked, centre = np.ones(1, dtype=np.bool_), crowd.centre
    found = np.empty(len(titles))
    discounts = (1 / np.log2(np.arange(2, length + 2))).astype(np.float32)
    for place, title in enumerate(titles.tolist()):
        owners = crowd.likes[crowd.likes[:, title]]
        lean = newcomer.lean(crowd.vectors[[title]], liked, centre)
        before, after = (first(odds, title, length) for odds in (prior, prior + crowd.vectors @ lean))
        gain = (owners[:, after] @ discounts - owners[:, before] @ discounts).sum()
        found[place] = gain / (len(owners) + caution)
    return np.maximum(found, 1e-6)


def first(odds: NDArray[np.float64], without: int, length: int) -> NDArray[np.int64]:
    """The `length` titles of the largest odds [N], best first, without one of them."""
    top = np.argpartition(-odds, length)[: length + 1]
    top = top[np.argsort(-odds[top], kind="stable")]
    kept: NDArray[np.int64] = top[top != without][:length]
    return kept
