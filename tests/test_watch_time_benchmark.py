"""The benchmark of watch time on lengths as catalogues have them."""

from __future__ import annotations

import numpy as np

from benchmarks.watch_time import deciles


def test_equal_lengths_share_a_decile_and_every_length_has_one() -> None:
    lengths = np.repeat([1500.0, 2700.0, 6000.0], [50, 30, 20])

    groups = deciles(lengths)

    assert [len(set(groups[lengths == each])) for each in (1500.0, 2700.0, 6000.0)] == [1, 1, 1]
    assert len(set(groups)) == 3
    assert groups.max() == 9
