"""Placing titles by content: a round trip through files, and what has no content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from towers.content import Content, ContentEncoder
from towers.placement import FILE, ContentPlacement

NUM_BUCKETS, NUM_PROJECTED, DIM = 32, 4, 6


@pytest.fixture
def placement() -> ContentPlacement:
    rng = np.random.default_rng(0)
    idf, words = np.ones(NUM_BUCKETS, dtype=np.float32), rng.normal(size=(NUM_BUCKETS, NUM_PROJECTED))
    encoder = ContentEncoder(("Comedy", "Drama"), idf, words.astype(np.float32))
    return ContentPlacement(encoder, rng.normal(size=(2, encoder.num_features, DIM)).astype(np.float32))


def test_what_was_saved_places_alike(placement: ContentPlacement, tmp_path: Path) -> None:
    items = [Content(title="A new film", genres=("Drama",)), Content(text="two friends", year=1999)]
    placement.save(tmp_path)
    np.testing.assert_array_equal(ContentPlacement.load(tmp_path).tokens(items), placement.tokens(items))


def test_one_item_and_many_are_placed_alike(placement: ContentPlacement) -> None:
    items = [Content(title=f"Film {n}", genres=("Comedy",)) for n in range(5)]
    alone = np.concatenate([placement.tokens([item]) for item in items])
    np.testing.assert_allclose(placement.tokens(items), alone, atol=1e-6)


def test_each_pair_of_towers_gives_its_own_direction(placement: ContentPlacement) -> None:
    tokens = placement.tokens([Content(title="A new film", genres=("Drama",))])
    assert tokens.shape == (1, placement.dim) == (1, 2 * DIM)
    halves = placement.vectors(tokens).reshape(2, DIM)
    np.testing.assert_allclose(np.linalg.norm(halves, axis=1), np.sqrt([0.5, 0.5]), atol=1e-6)
    np.testing.assert_allclose(halves[0] / np.sqrt(0.5), tokens[0, :DIM] / np.linalg.norm(tokens[0, :DIM]), atol=1e-5)


def test_a_placement_of_one_pair_of_towers_in_an_older_file_is_read(
    placement: ContentPlacement, tmp_path: Path
) -> None:
    placement.save(tmp_path)
    np.save(tmp_path / FILE, placement.projection[0])
    assert ContentPlacement.load(tmp_path).dim == DIM


def test_an_item_without_content_has_no_direction(placement: ContentPlacement) -> None:
    tokens = placement.tokens([Content(), Content(title="Known words")])
    lengths = np.linalg.norm(placement.vectors(tokens), axis=1)
    np.testing.assert_allclose(lengths, [0.0, 1.0], atol=1e-6)


def test_a_projection_of_another_training_is_refused(placement: ContentPlacement) -> None:
    with pytest.raises(ValueError, match="from one training"):
        ContentPlacement(placement.encoder, np.zeros((1, 3, DIM), dtype=np.float32))
