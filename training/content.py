"""Fits the content encoder on a catalogue and reads contents off its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from towers.content import Content, ContentEncoder, hash_words


@dataclass(frozen=True)
class ContentConfig:
    """Sizes of the content features; `num_projected` of 0 leaves genres alone."""

    max_genres: int = 64
    num_buckets: int = 16_384
    num_projected: int = 64


def contents_of(items: pd.DataFrame, ids: Sequence[str]) -> list[Content]:
    """Content of each id, empty for ids that the catalogue lacks."""
    table = items.drop_duplicates("item_id").set_index("item_id")
    records = table.reindex(list(ids)).to_dict("records")
    return [_content(record) for record in records]


def fit_content(config: ContentConfig, contents: Sequence[Content], seed: int) -> ContentEncoder:
    """Genres by frequency, inverse document frequencies and the leading singular vectors of the word weights."""
    counts = Counter(genre for item in contents for genre in set(item.genres))
    genres = tuple(sorted(genre for genre, _ in counts.most_common(config.max_genres)))
    seen = np.zeros(config.num_buckets)
    for item in contents:
        seen[np.unique(hash_words(item.words(), config.num_buckets))] += 1
    idf = np.log((1 + len(contents)) / (1 + seen)).astype(np.float32) * (seen > 1)
    plain = ContentEncoder(genres, idf.astype(np.float32), np.zeros((config.num_buckets, 0), dtype=np.float32))
    rank = min(config.num_projected, len(contents) - 2, int((idf > 0).sum()) - 2)
    if rank < 1:
        return plain
    return ContentEncoder(genres, plain.idf, _project(plain, contents, rank, seed))


def _project(plain: ContentEncoder, contents: Sequence[Content], rank: int, seed: int) -> NDArray[np.float32]:
    parts = [plain.weighted(item) for item in contents]
    offsets = np.cumsum([0, *(len(buckets) for buckets, _ in parts)])
    buckets = np.concatenate([part for part, _ in parts])
    weights = np.concatenate([part for _, part in parts]).astype(np.float64)
    words = csr_array((weights, buckets, offsets), shape=(len(contents), len(plain.idf)))
    start = np.random.default_rng(seed).normal(size=min(words.shape))
    _, sizes, vectors = svds(words, k=rank, v0=start)
    return np.ascontiguousarray(vectors[::-1].T / max(sizes.max() / np.sqrt(len(contents)), 1e-9), dtype=np.float32)


def _content(record: Mapping[Hashable, object]) -> Content:
    def listed(name: str) -> tuple[str, ...]:
        value = record.get(name)
        return tuple(str(part) for part in value) if isinstance(value, list | tuple | np.ndarray) else ()

    def text(name: str) -> str:
        value = record.get(name)
        return value if isinstance(value, str) else ""

    year = record.get("year")
    known = float(year) if isinstance(year, int | float) and np.isfinite(year) else None
    return Content(text("title"), listed("genres"), listed("people"), text("text"), text("maturity"), known)
