"""Which image of a title a viewer sees: linear Thompson sampling whose propensities are exact, with a guard on bait.

The reward of showing an image is a model over all titles plus an effect of the image itself, both learned:

    reward ~ features . theta + effect,  effect ~ N(0, noise / PRIOR_SHOWN)

Shapes: R item rows, N arms (all images of all titles), T titles of a page, V images of a title (padded), F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

FEATURES: Final = ("one", "fit", "fit_on_phone", "fit_late")
"""fit: how much of the viewer's taste lies in what the image shows."""

PRIOR_SHOWN: Final = 40.0
PRIOR_PLAYS: Final = 6.0
NUM_DRAWS: Final = 32
FLOOR: Final = 0.04
"""Share of the choices that is left to even chance, so that no propensity is 0."""

FILE: Final = "artwork.npz"
_DRAWS = np.random.default_rng(20).standard_normal((NUM_DRAWS, 1, 16))


class Choice(NamedTuple):
    """Images [T] and the chance [T] with which each was drawn."""

    images: NDArray[np.int64]
    propensity: NDArray[np.float64]


@dataclass(eq=False)
class ArtworkBandit:
    """Arm offsets[r] + v is image v of item row r. Sums change in place; one writer at a time.

    precision: float64 [F, F] and pull: [F] make the model over all titles. Of each image: shown, reward, plays,
    watched: [N], and features: [N, F] summed over what was shown. `guards` leaves out images whose plays end earlier
    than the title's.
    """

    offsets: NDArray[np.int64]
    precision: NDArray[np.float64]
    pull: NDArray[np.float64]
    shown: NDArray[np.float64]
    reward: NDArray[np.float64]
    plays: NDArray[np.float64]
    watched: NDArray[np.float64]
    features: NDArray[np.float64]
    noise: float = 0.05
    guards: bool = True

    @classmethod
    def new(cls, num_images: NDArray[np.int64], guards: bool = True) -> Self:
        """Nothing learned yet; `num_images` [R] of each row."""
        offsets = np.concatenate([[0], np.cumsum(num_images)]).astype(np.int64)
        count, width = int(offsets[-1]), len(FEATURES)
        return cls(
            offsets=offsets,
            precision=10 * np.eye(width),
            pull=np.zeros(width),
            shown=np.zeros(count),
            reward=np.zeros(count),
            plays=np.zeros(count),
            watched=np.zeros(count),
            features=np.zeros((count, width)),
            guards=guards,
        )

    def num_images(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Images of each row; 0 for rows behind the end."""
        inside = np.minimum(rows, len(self.offsets) - 2)
        return np.where(rows == inside, self.offsets[inside + 1] - self.offsets[inside], 0)

    def show(
        self, rows: NDArray[np.int64] | int, images: NDArray[np.int64] | int, features: NDArray[np.float64]
    ) -> None:
        """Images [n] of rows [n] were seen by viewers with these features [n, F]; or one image of one row."""
        arms, known = self._arms(rows, images)
        shown = features.reshape(-1, len(FEATURES))[known]
        self.precision += shown.T @ shown
        np.add.at(self.shown, arms, 1)
        np.add.at(self.features, arms, shown)

    def play(
        self,
        rows: NDArray[np.int64] | int,
        images: NDArray[np.int64] | int,
        features: NDArray[np.float64],
        share: NDArray[np.float64] | float,
        reward: NDArray[np.float64] | float,
    ) -> None:
        """Shown images were followed by plays of which `share` [n] was watched; `reward` [n] is what they are worth."""
        arms, known = self._arms(rows, images)
        shares, rewards = np.atleast_1d(share)[known], np.atleast_1d(reward)[known]
        self.pull += rewards @ features.reshape(-1, len(FEATURES))[known]
        np.add.at(self.reward, arms, rewards)
        np.add.at(self.plays, arms, 1)
        np.add.at(self.watched, arms, shares)

    def probabilities(self, rows: NDArray[np.int64], features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance [T, V] of each image of the rows [T] for features [T, V, F]; 0 where a title has no such image."""
        width = features.shape[1]
        counts = self.num_images(rows)
        is_image = np.arange(width) < counts[:, None]
        arms = np.where(is_image, self.offsets[np.minimum(rows, len(self.offsets) - 2)][:, None] + np.arange(width), 0)
        mean, spread = self._posterior(arms, features)
        drawn = mean + spread * _DRAWS[:, :, :width]
        drawn = np.where(is_image & self._passes(arms, is_image), drawn, -np.inf)
        best = drawn.argmax(axis=2)
        won = (best[:, :, None] == np.arange(width)).mean(axis=0)
        even = is_image / np.maximum(counts, 1)[:, None]
        return np.asarray(np.where(is_image, (1 - FLOOR) * won + FLOOR * even, 0.0))

    def choose(self, rows: NDArray[np.int64], features: NDArray[np.float64], uniform: NDArray[np.float64]) -> Choice:
        """Draw an image for each row [T] by uniform numbers [T]; the same numbers draw the same images."""
        if features.shape[1] == 1:
            return Choice(np.zeros(len(rows), dtype=np.int64), np.ones(len(rows)))
        chance = self.probabilities(rows, features)
        images = (uniform[:, None] >= chance.cumsum(axis=1)).sum(axis=1)
        images = np.minimum(images, np.maximum(self.num_images(rows) - 1, 0))
        drawn = np.take_along_axis(chance, images[:, None], axis=1)[:, 0]
        return Choice(images.astype(np.int64), np.where(drawn > 0, drawn, 1.0))

    def _posterior(
        self, arms: NDArray[np.int64], features: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation [T, V] of the reward."""
        inverse = np.linalg.inv(self.precision)
        theta = inverse @ self.pull
        left = self.reward[arms] - self.features[arms] @ theta
        effect = left / (self.shown[arms] + PRIOR_SHOWN)
        variance = np.einsum("tvf,fg,tvg->tv", features, inverse, features) + 1 / (self.shown[arms] + PRIOR_SHOWN)
        return features @ theta + effect, np.sqrt(self.noise * variance)

    def _passes(self, arms: NDArray[np.int64], is_image: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Images whose completion given play is not lower than the title's mean by more than its error."""
        if not self.guards:
            return is_image
        plays = np.where(is_image, self.plays[arms], 0.0)
        watched = np.where(is_image, self.watched[arms], 0.0)
        title = (watched.sum(axis=1, keepdims=True) + 0.5 * PRIOR_PLAYS) / (
            plays.sum(axis=1, keepdims=True) + PRIOR_PLAYS
        )
        own = (watched + PRIOR_PLAYS * title) / (plays + PRIOR_PLAYS)
        passes = own >= title - 0.25 / np.sqrt(plays + PRIOR_PLAYS)
        passes |= ~(passes & is_image).any(axis=1, keepdims=True)
        return np.asarray(passes)

    def _arms(
        self, rows: NDArray[np.int64] | int, images: NDArray[np.int64] | int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The arms of those images that there are, and which they are."""
        row, image = np.atleast_1d(rows), np.atleast_1d(images)
        known = (row >= 0) & (image >= 0)
        known &= image < self.num_images(np.where(known, row, 0))
        return self.offsets[row[known]] + image[known], known

    def save(self, folder: Path, name: str = FILE) -> None:
        """Write one file."""
        arrays: dict[str, Any] = {name: value for name, value in vars(self).items() if name != "guards"}
        with (folder / name).open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, folder: Path, name: str = FILE) -> Self | None:
        """Read what `save` wrote; None when there is nothing."""
        if not (folder / name).is_file():
            return None
        with np.load(folder / name, allow_pickle=False) as parts:
            arrays: dict[str, Any] = {name: parts[name] for name in parts.files}
        return cls(**arrays | {"noise": float(arrays["noise"])})


def features_of(
    fit: NDArray[np.float64], is_phone: bool | NDArray[np.bool_], is_late: bool | NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Features [.., F] of images that fit a viewer's taste by `fit` [..]."""
    return np.stack([np.ones_like(fit), fit, fit * is_phone, fit * is_late], axis=-1)


def even_draws(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number from 0 to 1 for each key: the same for the same key (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = keys + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
