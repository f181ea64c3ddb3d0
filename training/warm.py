"""Live signals as they stand after the training events: what a server starts from.

Shapes: E events by viewer, oldest first, R vocabulary rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.signals import FILE, LiveSignals
from towers.schema import EventType
from towers.vocabulary import UNKNOWN
from training.behaviour import watch_details
from training.bundle_files import files_of
from training.corpus import Corpus
from training.data.split import is_target

MAX_TRANSITIONS: Final = 300_000
"""Newest choices that live transitions are learnt from; what is older has faded or stands in the trained ones."""


def warm_signals(corpus: Corpus, config: LiveSignals.Config, events: pd.DataFrame | None = None) -> LiveSignals:
    """Signals after the corpus; impressions are read from the event table `events`."""
    spec, learned = corpus.spec, corpus.events
    signals = LiveSignals(config, spec.vocabulary.num_rows, spec.context_sizes, spec.has_clock)
    rows, ts_ms = learned.histories.rows[learned.is_target], learned.histories.ts_ms[learned.is_target]
    signals.velocity.add_many(rows, ts_ms)
    signals.segments.add_many(rows, ts_ms, learned.context[learned.is_target])
    signals.count_first(_first_ms(rows, ts_ms, spec.vocabulary.num_rows))
    signals.move_to(corpus.trained_until_ms)
    _count_transitions(signals, corpus)
    if events is not None:
        _count_exposure(signals, corpus, events)
        signals.details = watch_details(events, spec.vocabulary)
    return signals


def signals_file(signals: LiveSignals) -> dict[str, bytes]:
    """The part of a bundle that holds the signals, by name."""
    return files_of(lambda folder: signals.save(folder / FILE))


def _first_ms(rows: NDArray[np.int64], ts_ms: NDArray[np.int64], num_rows: int) -> NDArray[np.float64]:
    first = np.full(num_rows, np.inf)
    np.minimum.at(first, rows, ts_ms.astype(np.float64))
    return np.where(np.isfinite(first), first, 0.0)


def _count_transitions(signals: LiveSignals, corpus: Corpus) -> None:
    histories = corpus.events.histories
    chosen = np.flatnonzero(corpus.events.is_target)
    newest = chosen[np.argsort(histories.ts_ms[chosen], kind="stable")][-MAX_TRANSITIONS:]
    starts = histories.offsets[np.searchsorted(histories.offsets, newest, side="right") - 1]
    window = signals.config.transition_window
    for position, start in zip(newest.tolist(), starts.tolist(), strict=True):
        before = slice(max(start, position - window), position)
        row, ts_ms = int(histories.rows[position]), int(histories.ts_ms[position])
        signals.follow(histories.rows[before], histories.ts_ms[before], row, ts_ms)


def _count_exposure(signals: LiveSignals, corpus: Corpus, events: pd.DataFrame) -> None:
    shown = (events["event"] == EventType.IMPRESSION).to_numpy()
    if not shown.any():
        return
    told = np.flatnonzero(shown | is_target(events))
    codes, ids = events["item_id"].iloc[told].factorize()
    rows = corpus.spec.vocabulary.rows(list(ids))[codes]
    users, times = events["user_id"].iloc[told].tolist(), events["ts_ms"].to_numpy()[told].tolist()
    for user, row, ts_ms, is_shown in zip(users, rows.tolist(), times, shown[told].tolist(), strict=True):
        if row != UNKNOWN:
            (signals.exposure.show if is_shown else signals.exposure.choose)(user, row, ts_ms)
