"""From trained towers to the parts of a bundle.

Shapes: R vocabulary rows, D embedding, B canary queries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from index.build import BuildReport, build
from index.build import Config as IndexConfig
from index.filter_plan import FilterReport
from ranking.popularity import DecayedCounts
from ranking.signals import LiveSignals
from serving.canary import Canary
from serving.catalogue import CatalogueTable
from serving.parts import BundleParts
from serving.state import LiveState, half_life_s
from towers.ensemble import Ensemble
from towers.history import HistoryBatch
from towers.placement import ContentPlacement
from towers.vocabulary import NUM_RESERVED
from training.corpus import Corpus
from training.evaluation.queries import Queries
from training.item_tables import ItemTablesConfig, item_tables
from training.onnx_export import user_tower_onnx
from training.warm import signals_file, warm_signals

NUM_CANARIES = 8
MAX_INDEX_QUERIES = 500
MAX_PEOPLE = 5
"""Kept of each title: who is named first."""


class EvidenceConfig(NamedTuple):
    """What is counted beside the towers."""

    signals: LiveSignals.Config = LiveSignals.Config()
    tables: ItemTablesConfig = ItemTablesConfig()


class Exported(NamedTuple):
    """Parts of a bundle and what was measured while the index was built."""

    parts: BundleParts
    index_report: BuildReport
    index_filters: FilterReport | None


@torch.no_grad()
def item_arrays(towers: Ensemble) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tokens [R, D] and unit vectors [R, D] of all rows; rows 0 and 1 have the zero vector."""
    tokens, vectors = (part.numpy().astype(np.float32, copy=True) for part in towers.eval().items())
    vectors[:NUM_RESERVED] = 0
    return tokens, vectors


@torch.no_grad()
def encode(towers: Ensemble, batch: HistoryBatch) -> NDArray[np.float32]:
    """User vectors [B, D] of a batch, by the towers themselves."""
    *arrays, context = (torch.from_numpy(array) for array in batch)
    users: torch.Tensor = towers.eval().user(towers.read(*arrays), context)
    return users.numpy().astype(np.float32)


def make_parts(
    towers: Ensemble,
    corpus: Corpus,
    queries: Queries,
    index: IndexConfig,
    events: pd.DataFrame | None = None,
    evidence: EvidenceConfig | None = None,
) -> Exported:
    """Parts without a ranker; `queries` are held out and measure the index's recall.

    `events` is the event table of the corpus, of which the impressions are counted.
    """
    towers = towers.cpu()
    tokens, vectors = item_arrays(towers)
    batch = _batch(corpus, queries, MAX_INDEX_QUERIES)
    users = np.concatenate([encode(towers, part) for part in _chunks(batch, 64)])
    rows = corpus.spec.vocabulary.item_rows
    built = build(rows, vectors[NUM_RESERVED:], users, index)
    canary = HistoryBatch._make(array[:NUM_CANARIES] for array in batch)
    parts = BundleParts(
        spec=corpus.spec,
        item_tokens=tokens,
        item_vectors=vectors,
        index=built.index,
        user_tower=user_tower_onnx(towers),
        popularity=popularity(corpus),
        viewers=corpus.viewers,
        histories=corpus.events.histories,
        catalogue=catalogue(corpus),
        canary=Canary.of(canary, users[:NUM_CANARIES], built.index),
        placement=placement(towers, corpus),
        ranker_files=evidence_files(corpus, evidence or EvidenceConfig(), events),
    )
    return Exported(parts, built.report, built.filters)


def placement(towers: Ensemble, corpus: Corpus) -> ContentPlacement | None:
    """How content places an item without an id; None where the towers read no content."""
    weights = [item.project.weight.detach().numpy().T for item in towers.item_towers if item.project is not None]
    if corpus.encoder is None or not weights:
        return None
    return ContentPlacement(corpus.encoder, np.ascontiguousarray(np.stack(weights), dtype=np.float32))


def popularity(corpus: Corpus) -> NDArray[np.float64]:
    """Faded counts [R] of the target events at the end of training, as the server goes on counting."""
    half_life = half_life_s(LiveState.Config(), corpus.spec.has_clock)
    counts = DecayedCounts(corpus.spec.vocabulary.num_rows, half_life)
    is_target, histories = corpus.events.is_target, corpus.events.histories
    counts.add(histories.rows[is_target], histories.ts_ms[is_target])
    return counts.weights_at(corpus.trained_until_ms)


def evidence_files(corpus: Corpus, config: EvidenceConfig, events: pd.DataFrame | None) -> dict[str, bytes]:
    """What sources and features need beside the towers, by file name: tables of items and live signals."""
    tables = item_tables(corpus.events.histories, corpus.spec.vocabulary.num_rows, config.tables)
    return tables | signals_file(warm_signals(corpus, config.signals, events))


def catalogue(corpus: Corpus) -> CatalogueTable:
    """Titles, genres, maturity and people by row."""
    reserved = NUM_RESERVED
    ids = corpus.spec.vocabulary.ids(corpus.spec.vocabulary.item_rows)
    if corpus.contents is None:
        return CatalogueTable([""] * reserved + ids, [[]] * (reserved + len(ids)), [""] * (reserved + len(ids)))
    items = corpus.contents
    return CatalogueTable(
        [""] * reserved + [item.title or ids[n] for n, item in enumerate(items)],
        [[]] * reserved + [list(item.genres) for item in items],
        [""] * reserved + [item.maturity for item in items],
        [[]] * reserved + [list(item.people[:MAX_PEOPLE]) for item in items],
    )


def _batch(corpus: Corpus, queries: Queries, at_most: int) -> HistoryBatch:
    wanted = queries.sample(at_most, np.random.default_rng(0))
    return corpus.spec.batch(list(wanted.histories), wanted.request_ts_ms, list(wanted.contexts))


def _chunks(batch: HistoryBatch, size: int) -> list[HistoryBatch]:
    return [HistoryBatch._make(array[s : s + size] for array in batch) for s in range(0, len(batch.rows), size)]
