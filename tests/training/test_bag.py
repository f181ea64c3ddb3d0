from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from towers.bag import BagTables, is_choice
from towers.history import Action, Histories
from towers.vocabulary import NUM_RESERVED
from training.bag import Autoencoder, BagConfig, autoencoder, bag_file, chosen, fit_bag, low_rank

NUM_GROUPS, GROUP = 4, 6
NUM_ROWS = NUM_RESERVED + NUM_GROUPS * GROUP


def histories(num_viewers: int = 80, seed: int = 0, actions: NDArray[np.int8] | None = None) -> Histories:
    """Each viewer chose four of the six items of one group."""
    rng = np.random.default_rng(seed)
    rows = [NUM_RESERVED + viewer % NUM_GROUPS * GROUP + rng.permutation(GROUP)[:4] for viewer in range(num_viewers)]
    total = 4 * num_viewers
    told = np.full(total, Action.UNKNOWN, dtype=np.int8) if actions is None else actions
    offsets = np.arange(0, total + 1, 4)
    return Histories(offsets, np.concatenate(rows), np.arange(total), told, np.zeros(total, dtype=np.int8))


def tables(**options: float) -> BagTables:
    found = fit_bag(histories(), NUM_ROWS, BagConfig(penalty=1.0, **options), seed=0)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_rest_of_the_group_is_answered_first() -> None:
    for group in range(NUM_GROUPS):
        members = NUM_RESERVED + group * GROUP + np.arange(GROUP)
        scores = tables().scores(members[:3], NUM_ROWS)
        scores[members[:3]] = -np.inf
        assert set(np.argsort(-scores)[:3]) == set(members[3:])


def test_four_numbers_are_enough_for_four_groups() -> None:
    members = NUM_RESERVED + np.arange(GROUP)
    found = tables(dim=NUM_GROUPS)
    assert found.reading.shape == (NUM_ROWS, NUM_GROUPS)
    scores = found.scores(members[:2], NUM_ROWS)
    assert scores[members[2:]].min() > 2 * scores[NUM_RESERVED + GROUP :].max()


def test_order_repetition_and_unknown_items_change_nothing() -> None:
    bag = np.array([5, 3, 9])
    same = np.array([9, 3, 3, 5, 1, 0, NUM_ROWS + 7])
    np.testing.assert_array_equal(tables().vector(bag), tables().vector(same))


def test_an_empty_bag_says_nothing_and_later_rows_have_no_score() -> None:
    nothing = tables().scores(np.empty(0, dtype=np.int64), NUM_ROWS + 3)
    np.testing.assert_array_equal(nothing, np.zeros(NUM_ROWS + 3))
    assert np.all(tables().scores(np.array([5]), NUM_ROWS + 3)[NUM_ROWS:] == 0)


def test_the_weights_restore_what_is_hidden_best() -> None:
    """Each column minimises the expected squared error under random hiding, with its own item left out."""
    config = BagConfig(penalty=2.0, hidden=0.4, length_damping=0.0)
    matrix, _ = chosen(histories(), NUM_ROWS, 5_000)
    found = autoencoder(matrix, config)
    choices = matrix.toarray().astype(np.float64)
    gram = choices.T @ choices
    extra = np.diag(config.hidden / (1 - config.hidden) * np.diag(gram) + config.penalty)
    for item in range(len(gram)):
        others = np.delete(np.arange(len(gram)), item)
        expected = np.linalg.solve((gram + extra)[np.ix_(others, others)], gram[others, item])
        np.testing.assert_allclose(found.weights[others, item], expected, atol=1e-4)
        assert found.weights[item, item] == 0


def test_full_rank_keeps_every_weight_between_two_items() -> None:
    matrix, _ = chosen(histories(), NUM_ROWS, 5_000)
    full = autoencoder(matrix, BagConfig(penalty=1.0))
    reading, answering = low_rank(full, len(full.weights), np.random.default_rng(0))
    product = reading @ answering.T
    np.fill_diagonal(product, 0)
    np.testing.assert_allclose(product, full.weights, atol=1e-4)


def test_the_free_diagonal_brings_a_low_rank_nearer() -> None:
    rng = np.random.default_rng(3)
    left, right = (rng.normal(size=(40, 3)).astype(np.float32) for _ in range(2))
    weights = left @ right.T
    np.fill_diagonal(weights, 0)
    metric = np.eye(40, dtype=np.float32) * 2
    reading, answering = low_rank(Autoencoder(weights, metric), 3, rng)
    error = reading @ answering.T - weights
    np.fill_diagonal(error, 0)
    cut = np.linalg.svd(weights)
    plain = (cut.U[:, :3] * cut.S[:3]) @ cut.Vh[:3] - weights
    np.fill_diagonal(plain, 0)
    assert np.square(error).sum() < 0.97 * np.square(plain).sum()


def test_dislikes_and_what_was_given_up_are_no_choices() -> None:
    actions = np.array([Action.UNKNOWN, Action.CHOSEN, Action.LIKED, Action.DISLIKED, Action.ABANDONED], dtype=np.int8)
    np.testing.assert_array_equal(is_choice(actions), [True, True, True, False, False])
    disliked = histories(actions=np.full(320, Action.DISLIKED, dtype=np.int8))
    assert fit_bag(disliked, NUM_ROWS, BagConfig(), 0) is None
    assert bag_file(disliked, NUM_ROWS, BagConfig(), 0) == {}


def test_only_the_most_chosen_items_take_part() -> None:
    found = fit_bag(histories(), NUM_ROWS, BagConfig(penalty=1.0, max_items=10), 0)
    assert found is not None
    counts = np.bincount(histories().rows, minlength=NUM_ROWS)
    taking_part = np.flatnonzero(found.answering.any(axis=1))
    assert len(taking_part) == 10
    assert counts[taking_part].min() >= np.delete(counts, taking_part).max()


def test_the_same_seed_gives_the_same_tables() -> None:
    np.testing.assert_array_equal(tables().reading, tables().reading)


@pytest.mark.parametrize("options", [{"hidden": 1.0}, {"penalty": 0.0}])
def test_impossible_settings_are_named(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        BagConfig(**options)  # type: ignore[arg-type]
