"""The artwork bandit learned from a log: which part of a variant's id it reads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from serving.page.imagery import Imagery
from towers.vocabulary import Vocabulary
from training.artwork import fit_artwork

IMAGERY = Imagery([[], [], ["Drama"]], [[], [], ["one: Drama", "two: Drama", "three: Drama"]])
"""One title, after the two reserved rows, with three images."""


def log(variants: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": [f"viewer {number}" for number in range(len(variants))],
            "item_id": "film",
            "event": "impression",
            "ts_ms": np.arange(len(variants)),
            "variant_id": variants,
        }
    )


def test_images_count_with_whatever_line_or_preview_they_were_shown() -> None:
    bandit = fit_artwork(log(["2", "2.1", "2+p", "2.1+p", "0+p"]), Vocabulary.fit(["film"]), IMAGERY)

    assert bandit is not None
    assert bandit.shown[-3:].tolist() == [1, 0, 4]


def test_variants_of_others_and_images_that_do_not_exist_are_left_out() -> None:
    bandit = fit_artwork(log(["poster-b", "-1", "7", "nan", "1"]), Vocabulary.fit(["film"]), IMAGERY)

    assert bandit is not None
    assert bandit.shown[-3:].tolist() == [0, 1, 0]
