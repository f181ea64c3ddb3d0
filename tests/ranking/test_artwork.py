from __future__ import annotations

from pathlib import Path

import numpy as np

from ranking.artwork import ArtworkBandit, even_draws, features_of

NUM_ROWS, NUM_IMAGES = 5, 3
COUNTS = np.array([1, 1, 3, 3, 2])


def shown_features(fits: list[float]) -> np.ndarray:
    return features_of(np.array([fits]), False, False)


def taught(reward: dict[int, float], rounds: int = 600, guards: bool = True, share: float = 0.8) -> ArtworkBandit:
    """Row 2, whose images are shown in turn and played with the chance given, by viewers whom no image fits."""
    rng = np.random.default_rng(0)
    bandit = ArtworkBandit.new(COUNTS, guards)
    nothing = features_of(np.array(0.0), False, False)
    for turn in range(rounds):
        image = turn % 3
        bandit.show(2, image, nothing)
        if rng.random() < reward[image]:
            bandit.play(2, image, nothing, share, share)
    return bandit


def test_chances_add_up_and_never_vanish() -> None:
    bandit = taught({0: 0.1, 1: 0.5, 2: 0.1})
    rows = np.array([2, 3, 4])
    chance = bandit.probabilities(rows, features_of(np.zeros((3, 3)), False, False))
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert np.all(chance[0] > 0)
    assert chance[2, 2] == 0, "row 4 has two images"


def test_the_better_image_is_shown_more() -> None:
    chance = taught({0: 0.1, 1: 0.5, 2: 0.1}).probabilities(np.array([2]), shown_features([0, 0, 0]))[0]
    assert chance.argmax() == 1
    assert chance[1] > 0.8


def test_what_fits_the_viewer_is_learned_across_titles() -> None:
    """Row 2 teaches that a fitting image is played more; row 3 was never shown."""
    rng = np.random.default_rng(1)
    bandit = ArtworkBandit.new(COUNTS)
    for turn in range(3000):
        fit = float(rng.random())
        features = features_of(np.array(fit), False, False)
        bandit.show(2, turn % 3, features)
        if rng.random() < 0.05 + 0.4 * fit:
            bandit.play(2, turn % 3, features, 0.9, 0.9)
    chance = bandit.probabilities(np.array([3]), shown_features([0.0, 0.9, 0.1]))[0]
    assert chance.argmax() == 1


def test_the_draws_keep_to_the_chances() -> None:
    bandit = taught({0: 0.2, 1: 0.3, 2: 0.25}, rounds=150)
    features = np.repeat(shown_features([0, 0, 0]), 4000, axis=0)
    choice = bandit.choose(np.full(4000, 2), features, even_draws(np.arange(4000, dtype=np.uint64)))
    chance = bandit.probabilities(np.array([2]), shown_features([0, 0, 0]))[0]
    np.testing.assert_allclose(np.bincount(choice.images, minlength=3) / 4000, chance, atol=0.03)
    np.testing.assert_allclose(choice.propensity, chance[choice.images])


def test_bait_is_left_out_by_the_guard_alone() -> None:
    """Image 1 is played most and abandoned at once."""
    for guards, wins in ((True, False), (False, True)):
        bandit = ArtworkBandit.new(COUNTS, guards)
        nothing = features_of(np.array(0.0), False, False)
        for turn in range(900):
            image = turn % 3
            bandit.show(2, image, nothing)
            if (image == 1 and turn % 2) or turn % 12 < 2:
                bandit.play(2, image, nothing, 0.05 if image == 1 else 0.9, 1.0)
        chance = bandit.probabilities(np.array([2]), shown_features([0, 0, 0]))[0]
        assert (chance.argmax() == 1) == wins


def test_a_saved_bandit_goes_on(tmp_path: Path) -> None:
    bandit = taught({0: 0.1, 1: 0.5, 2: 0.1})
    assert ArtworkBandit.load(tmp_path) is None
    bandit.save(tmp_path)
    loaded = ArtworkBandit.load(tmp_path)
    assert loaded is not None
    features = shown_features([0.1, 0.2, 0.3])
    np.testing.assert_array_equal(
        bandit.probabilities(np.array([2]), features), loaded.probabilities(np.array([2]), features)
    )


def test_unknown_images_are_left_alone() -> None:
    bandit = ArtworkBandit.new(COUNTS)
    nothing = features_of(np.array(0.0), False, False)
    for row, image in ((2, 3), (9, 0), (-1, 0), (2, -1)):
        bandit.show(row, image, nothing)
    assert bandit.shown.sum() == 0
