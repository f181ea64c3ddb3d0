"""The bandits of images and previews learned from a log: which part of a variant's id each reads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ranking.artwork import ArtworkBandit
from serving.page.imagery import Imagery
from towers.vocabulary import Vocabulary
from training.artwork import Seen, fit_artwork, fit_previews, seen_variants

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


def seen(events: pd.DataFrame) -> Seen:
    found = seen_variants(events, Vocabulary.fit(["film"]), IMAGERY)
    assert found is not None
    return found


def previews(events: pd.DataFrame) -> ArtworkBandit:
    bandit = fit_previews(seen(events), IMAGERY)
    assert bandit is not None
    return bandit


def test_images_count_with_whatever_line_or_preview_they_were_shown() -> None:
    bandit = fit_artwork(seen(log(["2", "2.1", "2+p", "2.1+p", "0+p"])), IMAGERY)

    assert bandit.shown[-3:].tolist() == [1, 0, 4]


def test_variants_of_others_and_images_that_do_not_exist_are_left_out() -> None:
    bandit = fit_artwork(seen(log(["poster-b", "-1", "7", "nan", "1"])), IMAGERY)

    assert bandit.shown[-3:].tolist() == [0, 1, 0]


def test_a_log_without_variants_teaches_nothing() -> None:
    events = log(["0"]).drop(columns="variant_id")

    assert seen_variants(events, Vocabulary.fit(["film"]), IMAGERY) is None


def test_still_and_moving_are_told_apart_whatever_the_image() -> None:
    assert previews(log(["0", "2+p", "1", "1.1+p", "0+p"])).shown[-2:].tolist() == [2, 3]


def test_a_preview_is_worth_what_is_watched_after_it() -> None:
    events = log(["0", "0+p", "0+p"]).assign(event="play", watch_s=[30.0, 10.0, np.nan], duration_s=100.0)

    bandit = previews(events)

    np.testing.assert_allclose(bandit.reward[-2:], [0.3, 0.1])
    assert bandit.plays[-2:].tolist() == [1, 1]


def test_where_no_preview_ever_played_none_is_learned() -> None:
    assert fit_previews(seen(log(["0", "1"])), IMAGERY) is None
