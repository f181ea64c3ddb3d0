from __future__ import annotations

import numpy as np
import pytest

from training.errors import UsageError
from training.simulator.attention import KERNELS, Kernel, glance_times, kernel

UNIFORM = np.random.default_rng(0).random((4000, 5, 8))
every_kernel = pytest.mark.parametrize("each", KERNELS, ids=lambda each: each.name)


@every_kernel
def test_attention_falls_to_the_right_and_not_to_nothing(each: Kernel) -> None:
    share = each.glances(UNIFORM).mean(axis=0)
    assert np.all(np.diff(share, axis=1) < 0.02)
    assert share.min() > 0
    assert share[0, 0] > 0.9


@every_kernel
def test_time_passes_in_reading_order(each: Kernel) -> None:
    glanced = each.glances(UNIFORM)
    times = glance_times(glanced)
    assert np.array_equal(np.isfinite(times), glanced.reshape(len(times), -1))
    for row in times[:50]:
        assert np.all(np.diff(row[np.isfinite(row)]) > 0)


def test_the_walk_looks_at_runs_from_the_left() -> None:
    glanced = kernel("geometric").glances(UNIFORM)
    assert np.all(glanced[:, :, 1:] <= glanced[:, :, :-1])


def test_the_l_keeps_to_the_first_row_and_column() -> None:
    share = kernel("l_pattern").glances(UNIFORM).mean(axis=0)
    assert share[0].mean() > 2 * share[1:].mean()
    assert share[:, 0] == pytest.approx(1)


def test_an_unknown_kernel_is_named() -> None:
    with pytest.raises(UsageError, match="unknown attention kernel 'spiral'; choose geometric, grid, l_pattern"):
        kernel("spiral")
