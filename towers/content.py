"""Content features of an item: genres as they are, everything else as hashed, weighted and projected words.

Shapes: N items, G genres, H hash buckets, P projected features, F = G + P.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Content:
    """What the catalogue says of one item; empty where it says nothing."""

    title: str = ""
    genres: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    text: str = ""
    maturity: str = ""
    year: float | None = None

    def words(self) -> list[str]:
        """Tokens of all fields but the genres, marked with their field."""
        words = [f"text:{word}" for word in _WORD.findall(f"{self.title} {self.text}".lower()) if len(word) > 2]
        words += [f"person:{person.lower()}" for person in self.people]
        words += [f"maturity:{self.maturity.lower()}"] if self.maturity else []
        words += [f"decade:{int(self.year) // 10}"] if self.year is not None and np.isfinite(self.year) else []
        return words


@dataclass(frozen=True, eq=False)
class ContentEncoder:
    """Turns content into features [N, F]; numpy alone, so that a server can place a new item.

    idf: float32 [H] weight of each hash bucket. projection: float32 [H, P].
    """

    genres: tuple[str, ...]
    idf: NDArray[np.float32]
    projection: NDArray[np.float32]

    @property
    def num_features(self) -> int:
        """F."""
        return len(self.genres) + int(self.projection.shape[1])

    def encode(self, items: Sequence[Content]) -> NDArray[np.float32]:
        """Features [N, F]: unit-length genre block, then the projected words."""
        features = np.zeros((len(items), self.num_features), dtype=np.float32)
        place = {genre: g for g, genre in enumerate(self.genres)}
        for n, item in enumerate(items):
            known = [place[genre] for genre in item.genres if genre in place]
            features[n, known] = 1 / np.sqrt(max(len(known), 1))
            buckets, weights = self.weighted(item)
            features[n, len(self.genres) :] = weights @ self.projection[buckets]
        return features

    def weighted(self, item: Content) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Hash buckets of an item's words and their TF-IDF weights, of unit length."""
        buckets, counts = np.unique(hash_words(item.words(), len(self.idf)), return_counts=True)
        weights = (1 + np.log(np.maximum(counts, 1))) * self.idf[buckets]
        return buckets, (weights / max(float(np.linalg.norm(weights)), 1e-12)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write `content.json` and `content.npz`."""
        (folder / "content.json").write_text(json.dumps({"genres": list(self.genres)}))
        with (folder / "content.npz").open("wb") as file:
            np.savez(file, idf=self.idf, projection=self.projection)

    @classmethod
    def load(cls, folder: Path) -> ContentEncoder:
        """Read what `save` wrote."""
        genres = json.loads((folder / "content.json").read_text())["genres"]
        with np.load(folder / "content.npz", allow_pickle=False) as parts:
            return cls(tuple(genres), parts["idf"], parts["projection"])


def hash_words(words: Iterable[str], num_buckets: int) -> NDArray[np.int64]:
    """Bucket of each word, the same on every machine (CRC-32)."""
    return np.array([zlib.crc32(word.encode()) % num_buckets for word in words], dtype=np.int64)
