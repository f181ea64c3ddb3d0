"""Watch time as a quantile among items of like duration, and back."""

from __future__ import annotations

import numpy as np
import pytest

from training.watch_time import fit_groups, quantiles


def test_a_quantile_does_not_depend_on_the_duration() -> None:
    rng = np.random.default_rng(0)
    duration_s = rng.uniform(600, 9000, 5000)
    watch_s = duration_s * rng.beta(2, 2, 5000)
    found = quantiles(watch_s, duration_s)
    assert abs(np.corrcoef(found, duration_s)[0, 1]) < 0.05 < np.corrcoef(watch_s, duration_s)[0, 1]
    assert found.mean() == pytest.approx(0.5, abs=0.01)


def test_watch_time_comes_back_from_its_quantile() -> None:
    rng = np.random.default_rng(0)
    duration_s = rng.choice([1320.0, 2700.0, 6300.0], 900)
    watch_s = duration_s * rng.random(900)
    groups = fit_groups(watch_s, duration_s)
    back = groups.watch_time_s(groups.quantile(watch_s, duration_s), duration_s)
    np.testing.assert_allclose(back, watch_s, atol=60)


def test_unknown_watch_times_have_no_quantile() -> None:
    found = quantiles(np.array([10.0, np.nan, 5.0]), np.array([100.0, 100.0, 0.0]))
    assert np.isnan(found).tolist() == [False, True, True]
