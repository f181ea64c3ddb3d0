from __future__ import annotations

import numpy as np
import pytest

from training.simulator.draws import Draws, Stream, gamma, normal

KEYS = np.arange(20_000)


def test_a_draw_depends_on_its_keys_alone() -> None:
    draws = Draws(3)
    together = draws.uniform(Stream.CHOICE, KEYS[:, None], np.arange(4))
    alone = Draws(3).uniform(Stream.CHOICE, np.array([77]), np.array([2]))
    assert together[77, 2] == alone[0]
    assert np.array_equal(draws.uniform(Stream.CHOICE, KEYS[::-1]), draws.uniform(Stream.CHOICE, KEYS)[::-1])


def test_draws_are_uniform_and_independent() -> None:
    draws = Draws(0)
    first, second = draws.uniform(Stream.CHOICE, KEYS), draws.uniform(Stream.SHARE, KEYS)
    other, shifted = Draws(1).uniform(Stream.CHOICE, KEYS), draws.uniform(Stream.CHOICE, KEYS + 1)
    counts, _ = np.histogram(first, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 45
    assert 0 < first.min() < first.max() < 1
    for different in (second, other, shifted):
        assert abs(np.corrcoef(first, different)[0, 1]) < 0.03


def test_keys_are_told_apart_by_their_place() -> None:
    draws = Draws(0)
    assert draws.uniform(Stream.CHOICE, np.array(1), np.array(2)) != draws.uniform(
        Stream.CHOICE, np.array(2), np.array(1)
    )


def test_gumbel_draws_choose_in_proportion() -> None:
    weights = np.array([0.1, 0.2, 0.7])
    noise = Draws(0).gumbel(Stream.HOUSE, KEYS[:, None], np.arange(3))
    chosen = np.bincount((np.log(weights) + noise).argmax(axis=1), minlength=3) / len(KEYS)
    assert chosen == pytest.approx(weights, abs=0.015)


def test_transforms_have_their_moments() -> None:
    uniform = Draws(0).uniform(Stream.PATIENCE, KEYS)
    assert normal(uniform).std() == pytest.approx(1, abs=0.03)
    assert gamma(uniform, 4, 75).mean() == pytest.approx(75, rel=0.02)
