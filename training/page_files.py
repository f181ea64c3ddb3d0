"""What the homepage needs of a bundle: titles, micro-genres, viewers of a kind, images and previews, how viewers watch.

Shapes: R vocabulary rows, U viewers, S segments, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.page.imagery import Imagery
from serving.page.parts import ViewerSegments
from serving.page.previews import FILE as PREVIEWS
from serving.page.titles import TitleTable, beginning
from towers.history import Histories
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.artwork import fit_artwork, fit_previews, seen_variants
from training.bundle_files import files_of
from training.data.dataset import Dataset
from training.genres.fit import GenresConfig, fit_genres
from training.watching import watch_log

NUM_ROUNDS: Final = 12


@dataclass(frozen=True)
class PageFilesConfig:
    """`num_segments` kinds of viewers; 0 makes none. `genres`: see there."""

    num_segments: int = 16
    genres: GenresConfig = field(default_factory=GenresConfig)


def page_files(
    config: PageFilesConfig,
    dataset: Dataset,
    vocabulary: Vocabulary,
    viewers: Vocabulary,
    histories: Histories,
    item_vectors: NDArray[np.float32],
) -> dict[str, bytes]:
    """Contents by file name."""
    titles, fitted = title_table(dataset.items, vocabulary), fit_genres(config.genres, dataset, vocabulary)
    saves: list[Callable[[Path], object]] = [titles.save, fitted.genres.save, fitted.rules.save]
    imagery = Imagery(_genres(dataset.items, vocabulary), titles.artworks)
    seen = seen_variants(dataset.events, vocabulary, imagery)
    if seen is not None:
        saves.append(fit_artwork(seen, imagery).save)
        previews = fit_previews(seen, imagery)
        if previews is not None:
            saves.append(partial(previews.save, name=PREVIEWS))
    watched = watch_log(dataset.events, vocabulary, viewers)
    if watched is not None:
        saves.append(watched.save)
    if config.num_segments and histories.num_viewers >= config.num_segments:
        saves.append(viewer_segments(histories, item_vectors, config.num_segments).save)
    return files_of(*saves)


def _genres(items: pd.DataFrame | None, vocabulary: Vocabulary) -> list[list[str]]:
    """Genres of each row [R]."""
    none: list[list[str]] = [[] for _ in range(NUM_RESERVED)]
    if items is None or "genres" not in items:
        return none + [[] for _ in vocabulary.item_rows]
    found = dict(zip(items["item_id"], items["genres"], strict=True))
    return none + [list(found.get(item, ())) for item in vocabulary.ids(vocabulary.item_rows)]


def title_table(items: pd.DataFrame | None, vocabulary: Vocabulary) -> TitleTable:
    """Year, release, kind, length, images and lines of each row, as far as the catalogue has such columns."""
    if items is None:
        return TitleTable.unknown(vocabulary.num_rows)
    ids = vocabulary.ids(vocabulary.item_rows)
    records = items.drop_duplicates("item_id").set_index("item_id").reindex(ids).to_dict("records")
    return TitleTable(
        year=_column(records, lambda each: _whole(each.get("year")), None),
        release_ms=_column(records, lambda each: _whole(each.get("release_ms")), None),
        kind=_column(records, lambda each: _text(each.get("kind")), ""),
        minutes=_column(records, lambda each: _whole(each.get("minutes")), None),
        artworks=_column(records, lambda each: _listed(each.get("images")), []),
        lines=_column(records, _lines, []),
    )


def viewer_segments(histories: Histories, item_vectors: NDArray[np.float32], count: int) -> ViewerSegments:
    """Viewers by the mean vector of their newest 50 titles (spherical k-means from evenly spaced starts)."""
    means = np.stack([item_vectors[histories.of(u).rows[-50:]].mean(axis=0) for u in range(histories.num_viewers)])
    unit = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    centres = unit[np.linspace(0, len(unit) - 1, count).astype(np.int64)]
    for _ in range(NUM_ROUNDS):
        nearest = (unit @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, unit)
        centres = np.where(sums.any(axis=1, keepdims=True), sums, centres)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    segment = np.repeat((unit @ centres.T).argmax(axis=1), np.diff(histories.offsets))
    shares = np.zeros((count, len(item_vectors)), dtype=np.float32)
    np.add.at(shares, (segment, histories.rows), 1)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
    return ViewerSegments(centres.astype(np.float32), shares)


def _column(
    records: Sequence[dict[Hashable, Any]], read: Callable[[Mapping[Hashable, Any]], Any], none: Any
) -> list[Any]:
    return [none] * NUM_RESERVED + [read(record) for record in records]


def _lines(record: Mapping[Hashable, Any]) -> list[str]:
    """Descriptions in the catalogue's framings, else the beginning of its text."""
    framings = [_text(value) for name, value in record.items() if str(name).startswith("framing_") and _text(value)]
    if framings:
        return framings
    text = _text(record.get("text"))
    return [beginning(text)] if text else []


def _listed(value: Any) -> list[str]:
    if isinstance(value, list | tuple | np.ndarray):
        return [str(part) for part in value]
    return [part.strip() for part in _text(value).split(",") if part.strip()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if np.isfinite(number) else None
