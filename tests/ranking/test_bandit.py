from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking.bandit import VariantBandit

NUM_TITLES, NUM_VARIANTS, NUM_FEATURES = 30, 4, 3


class Truth(NamedTuple):
    """What the rewards are made of: `appeal` [T] of titles, `own` [T, I] of variants, `shared` [F] of features."""

    appeal: NDArray[np.float64]
    own: NDArray[np.float64]
    shared: NDArray[np.float64]

    def rewards(
        self, titles: NDArray[np.int64], features: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Of every variant [B, I]."""
        sure = self.appeal[titles][:, None] + self.own[titles] + features @ self.shared
        return np.asarray(sure + rng.normal(0, 0.2, sure.shape))


@pytest.fixture(scope="module")
def truth() -> Truth:
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.1, (NUM_TITLES, NUM_VARIANTS))
    return Truth(rng.normal(0, 1, NUM_TITLES), own - own.mean(axis=1, keepdims=True), np.array([0.2, -0.1, 0.0]))


def seen(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Titles and features of their variants, as viewers come by."""
    features = rng.normal(size=(count, NUM_VARIANTS, NUM_FEATURES)).astype(np.float32)
    return rng.integers(0, NUM_TITLES, count), features


def taught(truth: Truth, count: int = 20_000, lean: float = 0.0) -> VariantBandit:
    """A bandit that saw `count` choices by a logger that leans to the first feature, as good as known in advance."""
    rng, bandit = np.random.default_rng(1), VariantBandit(NUM_TITLES, NUM_VARIANTS, NUM_FEATURES)
    titles, features = seen(count, rng)
    chance = np.exp(lean * features[:, :, 0])
    chance /= chance.sum(axis=1, keepdims=True)
    variants = (rng.random((count, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    rewards, at = truth.rewards(titles, features, rng), np.arange(count)
    bandit.update(titles, features, variants, chance[at, variants], rewards[at, variants])
    return bandit


@pytest.mark.parametrize("lean", [0.0, 1.0])
def test_the_effect_of_variants_is_recovered_whatever_the_appeal_of_titles(truth: Truth, lean: float) -> None:
    bandit = taught(truth, lean=lean)
    titles, features = seen(500, np.random.default_rng(2))
    wanted = truth.own[titles] + features @ truth.shared
    wanted -= wanted.mean(axis=1, keepdims=True)
    found = bandit.means(titles, features)
    found -= found.mean(axis=1, keepdims=True)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.97


def test_one_by_one_is_the_same_as_all_at_once(truth: Truth) -> None:
    rng = np.random.default_rng(3)
    titles, features = seen(50, rng)
    variants, rewards = rng.integers(0, NUM_VARIANTS, 50), rng.random(50)
    bandits = [VariantBandit(NUM_TITLES, NUM_VARIANTS, NUM_FEATURES) for _ in range(2)]
    bandits[0].show(titles, features, variants, np.full(50, 0.25))
    bandits[0].credit(titles, features, variants, np.full(50, 0.25), rewards)
    for n in range(50):
        one = slice(n, n + 1)
        bandits[1].show(titles[one], features[one], variants[one], np.array([0.25]))
        bandits[1].credit(titles[one], features[one], variants[one], np.array([0.25]), rewards[one])
    np.testing.assert_allclose(bandits[0].means(titles, features), bandits[1].means(titles, features), atol=1e-9)


def test_what_is_drawn_is_drawn_with_the_propensity_it_reports(truth: Truth) -> None:
    bandit, rng = taught(truth, 300), np.random.default_rng(4)
    titles, features = np.repeat([3], 4000), np.repeat(seen(1, rng)[1], 4000, axis=0)
    allowed = np.ones((4000, NUM_VARIANTS), dtype=np.bool_)
    chosen = bandit.choose(titles, features, allowed, rng)
    shares = np.bincount(chosen.variants, minlength=NUM_VARIANTS) / 4000
    np.testing.assert_allclose(shares, chosen.propensities.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(chosen.propensities.sum(axis=1), 1)
    assert chosen.propensities.min() >= bandit.config.explore / NUM_VARIANTS - 1e-12


def test_what_is_forbidden_is_never_shown(truth: Truth) -> None:
    rng, bandit = np.random.default_rng(5), taught(truth)
    titles, features = seen(500, rng)
    allowed = rng.random((500, NUM_VARIANTS)) < 0.5
    allowed[:, 1] |= ~allowed.any(axis=1)
    chosen = bandit.choose(titles, features, allowed, rng)
    assert allowed[np.arange(500), chosen.variants].all()
    assert not chosen.propensities[~allowed].any()


def test_the_bandit_comes_to_show_what_is_best(truth: Truth) -> None:
    """Regret against knowing the truth falls to a small part of that of even chances."""
    rng, bandit = np.random.default_rng(6), VariantBandit(NUM_TITLES, NUM_VARIANTS, NUM_FEATURES)
    regret = []
    for _ in range(40):
        titles, features = seen(200, rng)
        sure = truth.own[titles] + features @ truth.shared
        chosen = bandit.choose(titles, features, np.ones(sure.shape, dtype=np.bool_), rng)
        at, rewards = np.arange(200), truth.rewards(titles, features, rng)
        propensity = chosen.propensities[at, chosen.variants]
        bandit.update(titles, features, chosen.variants, propensity, rewards[at, chosen.variants])
        regret.append(float((sure.max(axis=1) - sure[at, chosen.variants]).mean()))
    assert np.mean(regret[-5:]) < 0.3 * regret[0]


def test_what_was_learned_outlasts_the_process(truth: Truth, tmp_path: Path) -> None:
    bandit, again = taught(truth, 2000), VariantBandit(NUM_TITLES, NUM_VARIANTS, NUM_FEATURES)
    bandit.save(tmp_path / "bandit.npz")
    again.restore(tmp_path / "bandit.npz")
    titles, features = seen(20, np.random.default_rng(7))
    assert np.array_equal(bandit.means(titles, features), again.means(titles, features))
    with pytest.raises(ValueError, match="learn it anew"):
        VariantBandit(NUM_TITLES, NUM_VARIANTS + 1, NUM_FEATURES).restore(tmp_path / "bandit.npz")
