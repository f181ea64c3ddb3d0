"""A contextual bandit over the variants of titles: one linear model for all titles and an intercept for each variant.

Linear Thompson sampling (Agrawal and Goyal 2013) on centred features: what a variant has beyond its title's mean
variant explains the reward beyond its title's mean. So neither the appeal of the title nor the taste of those who see
it passes for an effect of the image (action-centred bandits, Greenewald et al. 2017). An observation counts
1 / (I x propensity), which is 1 where all variants had the same chance.
Shapes: B choices, I variants of a title, F features, S draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FILE: Final = "bandit.npz"


class Choices(NamedTuple):
    """variants: int64 [B]. propensities: float64 [B, I], of every variant; the chosen one was drawn from them."""

    variants: NDArray[np.int64]
    propensities: NDArray[np.float64]


class VariantBandit:
    """Titles are numbered 0 to `num_titles` - 1 and all have I variants; what a title lacks is never `allowed`.

    One writer at a time. The model, by Bayes' rule on Gaussians: reward - baseline = (x - mean x) . w + (b - mean b),
    w ~ N(0, `noise`^2 / `shared_prior`), b ~ N(0, `noise`^2 / `own_prior`).
    """

    @dataclass(frozen=True)
    class Config:
        """Priors count in observations. `num_draws` of the posterior make the propensities, mixed with `explore` of
        even chances; `max_weight` bounds the weight of an observation.
        """

        shared_prior: float = 20.0
        own_prior: float = 200.0
        noise: float = 0.2
        num_draws: int = 64
        explore: float = 0.05
        max_weight: float = 5.0

    def __init__(self, num_titles: int, num_variants: int, num_features: int, config: Config | None = None) -> None:
        self.config = config or self.Config()
        own, shared = num_variants, num_features
        self._gram = np.zeros((shared, shared))
        self._moment = np.zeros(shared)
        self._title_pull = np.zeros((num_titles, shared))
        self._own_gram = np.zeros((num_titles, own, own))
        self._cross = np.zeros((num_titles, own, shared))
        self._own_moment = np.zeros((num_titles, own))
        self._own_pull = np.zeros((num_titles, own))
        self._seen = np.zeros(num_titles)
        self._reward = np.zeros(num_titles)
        self._posterior: _Posterior | None = None

    @property
    def num_variants(self) -> int:
        """I."""
        return self._own_gram.shape[1]

    @property
    def num_titles(self) -> int:
        """Titles with room for what is learned."""
        return len(self._seen)

    def means(self, titles: NDArray[np.int64], features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Expected reward [B, I] of each variant beyond the mean of its title, from features [B, I, F]."""
        found = self._solved()
        own: NDArray[np.float64] = found.own_mean[titles] - (found.solved_cross[titles] @ found.mean)
        return features @ found.mean + own

    def choose(
        self,
        titles: NDArray[np.int64],
        features: NDArray[np.float32],
        allowed: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> Choices:
        """A variant for each title [B] of features [B, I, F] among the `allowed` [B, I], at least one a title.

        The propensities are the shares of the draws in which each variant was best, mixed with even chances, and the
        variant is drawn from just these: they are exact, however few the draws.
        """
        best = self._best_in_draws(titles, features, allowed, rng)
        counts = (best[:, :, None] == np.arange(self.num_variants)).mean(axis=0)
        even = allowed / allowed.sum(axis=1, keepdims=True)
        propensities = (1 - self.config.explore) * counts + self.config.explore * even
        at = rng.random((len(titles), 1)) * propensities.sum(axis=1, keepdims=True)
        variants = (at >= propensities.cumsum(axis=1)).sum(axis=1)
        return Choices(np.minimum(variants, self.num_variants - 1).astype(np.int64), propensities)

    def update(
        self,
        titles: NDArray[np.int64],
        features: NDArray[np.float32],
        variants: NDArray[np.int64],
        propensity: NDArray[np.float64],
        rewards: NDArray[np.float64],
    ) -> None:
        """Learn what showing `variants` [B] of `titles` [B] brought; `propensity` [B] is that of the shown variant."""
        self.show(titles, features, variants, propensity)
        self.credit(titles, features, variants, propensity, rewards)

    def show(
        self,
        titles: NDArray[np.int64],
        features: NDArray[np.float32],
        variants: NDArray[np.int64],
        propensity: NDArray[np.float64],
    ) -> None:
        """Variants were seen; what they bring may be told later by `credit`, and is nothing until then."""
        own, beyond, weight = self._centred(features, variants, propensity)
        weighted = beyond * weight[:, None]
        self._gram += weighted.T @ beyond
        np.add.at(self._seen, titles, 1.0)
        for title, part in _by_title(titles):
            heavy = own[part] * weight[part, None]
            self._own_gram[title] += heavy.T @ own[part]
            self._cross[title] += heavy.T @ beyond[part]
            self._own_pull[title] += heavy.sum(axis=0)
            self._title_pull[title] += weighted[part].sum(axis=0)
        self._posterior = None

    def credit(
        self,
        titles: NDArray[np.int64],
        features: NDArray[np.float32],
        variants: NDArray[np.int64],
        propensity: NDArray[np.float64],
        rewards: NDArray[np.float64],
    ) -> None:
        """What variants shown before brought, or brought more; arguments as they were shown."""
        own, beyond, weight = self._centred(features, variants, propensity)
        worth = (weight * rewards)[:, None]
        self._moment += (worth * beyond).sum(axis=0)
        np.add.at(self._own_moment, titles, worth * own)
        np.add.at(self._reward, titles, rewards)
        self._posterior = None

    def save(self, path: Path) -> None:
        """Write an `.npz` file."""
        with path.open("wb") as file:
            arrays: dict[str, Any] = self._arrays()
            np.savez_compressed(file, **arrays)

    def restore(self, path: Path) -> None:
        """Take over what `save` wrote; a ValueError where it is of another shape."""
        with np.load(path, allow_pickle=False) as parts:
            for name, mine in self._arrays().items():
                if parts[name].shape != mine.shape:
                    raise ValueError(f"{name} is {parts[name].shape} and not {mine.shape}; learn it anew")
                mine[...] = parts[name]
        self._posterior = None

    def _arrays(self) -> dict[str, NDArray[np.float64]]:
        return {
            "gram": self._gram,
            "moment": self._moment,
            "own_gram": self._own_gram,
            "cross": self._cross,
            "own_moment": self._own_moment,
            "own_pull": self._own_pull,
            "title_pull": self._title_pull,
            "seen": self._seen,
            "reward": self._reward,
        }

    def _centred(
        self, features: NDArray[np.float32], variants: NDArray[np.int64], propensity: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Indicator [B, I] and features [B, F] of the variants less their title's means, and the weights [B]."""
        even = 1 / self.num_variants
        own = (variants[:, None] == np.arange(self.num_variants)) - even
        shown = np.take_along_axis(features, variants[:, None, None], axis=1)[:, 0]
        beyond = (shown - features.mean(axis=1)).astype(np.float64)
        weight = np.minimum(even / np.maximum(propensity, 1e-9), self.config.max_weight)
        return own, beyond, weight

    def _baselines(self) -> NDArray[np.float64]:
        """Mean reward [T] of each title, shrunk to that of all: any number would do, a near one lessens the noise."""
        overall = self._reward.sum() / max(self._seen.sum(), 1.0)
        shrunk: NDArray[np.float64] = (self._reward + 50 * overall) / (self._seen + 50)
        return shrunk

    def _solved(self) -> _Posterior:
        if self._posterior is None:
            self._posterior = _solve(self)
        return self._posterior

    def _best_in_draws(
        self,
        titles: NDArray[np.int64],
        features: NDArray[np.float32],
        allowed: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """The best variant [S, B] in each draw of the posterior; the draws of w are the same for all choices."""
        found, count = self._solved(), self.config.num_draws
        shared = found.mean + rng.standard_normal((count, len(found.mean))) @ found.root.T
        flat = features.reshape(-1, features.shape[-1])
        scores = (shared @ flat.T).reshape(count, len(titles), self.num_variants)
        scores += found.own_mean[titles] - np.einsum("bif,sf->sbi", found.solved_cross[titles], shared)
        noise = rng.standard_normal(scores.shape)
        scores += np.einsum("bij,sbj->sbi", found.own_root[titles], noise)
        best: NDArray[np.int64] = np.where(allowed, scores, -np.inf).argmax(axis=2)
        return best


def _by_title(titles: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Places of each title; adding up matrices title by title is faster than `add.at`."""
    order = np.argsort(titles, kind="stable")
    starts = np.flatnonzero(np.diff(titles[order], prepend=-1))
    return [(int(titles[part[0]]), part) for part in np.split(order, starts[1:])] if len(order) else []


class _Posterior(NamedTuple):
    """mean [F], root [F, F] of w; of title t: b | w ~ own_mean[t] - solved_cross[t] w + own_root[t] noise."""

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    own_mean: NDArray[np.float64]
    solved_cross: NDArray[np.float64]
    own_root: NDArray[np.float64]


def _solve(bandit: VariantBandit) -> _Posterior:
    """Block elimination: the intercepts of each title are solved for, what is left is a regression on w."""
    config, arrays, baseline = bandit.config, bandit._arrays(), bandit._baselines()
    own = np.linalg.inv(arrays["own_gram"] + config.own_prior * np.eye(bandit.num_variants))
    solved_cross = own @ arrays["cross"]
    own_mean = np.einsum("tij,tj->ti", own, arrays["own_moment"] - baseline[:, None] * arrays["own_pull"])
    left = arrays["gram"] - np.einsum("tif,tig->fg", arrays["cross"], solved_cross)
    left += config.shared_prior * np.eye(len(left))
    moment = arrays["moment"] - baseline @ arrays["title_pull"] - np.einsum("tif,ti->f", arrays["cross"], own_mean)
    covariance = np.linalg.inv(left)
    root = config.noise * np.linalg.cholesky(covariance)
    return _Posterior(covariance @ moment, root, own_mean, solved_cross, config.noise * np.linalg.cholesky(own))
