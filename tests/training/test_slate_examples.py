"""Pages seen become examples: what was taken, what was passed over, and what became of what was taken."""

from __future__ import annotations

import numpy as np

from training.slate_examples import slot_labels


def test_what_was_passed_over_says_nothing_of_outcomes() -> None:
    is_chosen, told = np.array([False, True, False]), np.array([-1, 2, 0])
    completed = np.array([1.0, np.nan, 0.25])
    labels = slot_labels(is_chosen, told, [completed])
    assert labels[:, 0].tolist() == [0, 1, 0]
    assert np.isnan(labels[[0, 2], 1]).all()
    assert labels[1, 1] == 0.25
