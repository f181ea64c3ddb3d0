"""What the towers learn from: events of one part of the split, with everything that is fitted on them alone.

Shapes: R vocabulary rows, F content features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.content import Content, ContentEncoder
from towers.features import FeatureSpec
from towers.schema import EXPOSURE_COLUMNS, HISTORY_EVENTS, OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.content import ContentConfig, contents_of, fit_content
from training.data.dataset import Dataset
from training.data.histories import build, context_codes
from training.sequences import Events

MAX_CONTEXT_VALUES = 200


@dataclass(frozen=True, eq=False)
class Corpus:
    """Training events with vocabulary, context values, popularity and content fitted on them.

    counts: int64 [R] target events of each row. viewers: ids of the histories' viewers. features: float32 [R, F] or
    None without a catalogue.
    """

    spec: FeatureSpec
    events: Events
    viewers: Vocabulary
    counts: NDArray[np.int64]
    contents: list[Content] | None
    encoder: ContentEncoder | None
    features: NDArray[np.float32] | None
    trained_until_ms: int


def make_corpus(
    dataset: Dataset, mask: NDArray[np.bool_], max_length: int, content: ContentConfig, seed: int
) -> Corpus:
    """Corpus of the events under `mask` [E]; nothing in it has seen any other event."""
    events = dataset.events[mask]
    used = events[events["event"].isin([str(event) for event in HISTORY_EVENTS])]
    vocabulary = Vocabulary.fit(used["item_id"].unique())
    spec = FeatureSpec(vocabulary, max_length, dataset.has_clock, dataset.ts_unit_ms, context_values(events))
    histories, viewers, is_target = build(dataset.events, mask, vocabulary)
    codes = context_codes(dataset.events, mask, spec)
    counts = np.bincount(histories.rows[is_target], minlength=vocabulary.num_rows)
    learned = Events(histories, codes, is_target)
    until = int(events["ts_ms"].max())
    if dataset.items is None:
        return Corpus(spec, learned, viewers, counts, None, None, None, until)
    contents = contents_of(dataset.items, vocabulary.ids(vocabulary.item_rows))
    encoder = fit_content(content, contents, seed)
    features = np.zeros((vocabulary.num_rows, encoder.num_features), dtype=np.float32)
    features[NUM_RESERVED:] = encoder.encode(contents)
    return Corpus(spec, learned, viewers, counts, contents, encoder, features if encoder.num_features else None, until)


def context_values(events: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Values of each context column; columns with one value or with more than `MAX_CONTEXT_VALUES` are left out."""
    values = {}
    for name in events.columns.difference([*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *EXPOSURE_COLUMNS]):
        distinct = events[name].dropna().unique()
        if 1 < len(distinct) <= MAX_CONTEXT_VALUES:
            values[str(name)] = tuple(sorted(str(value) for value in distinct))
    return values
