"""Puts a recommender together from a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ranking.moment import Moment
from ranking.popularity import DecayedCounts
from ranking.signals import FILE as SIGNALS
from ranking.signals import LiveSignals
from ranking.value import ValueModel
from serving.bundle import Bundle
from serving.items import ItemTable
from serving.manifest import BundleError
from serving.recommender import Recommender
from serving.scorer import OnnxActionModel, RankerCard, RankerScorer
from serving.state import LiveState, half_life_s
from towers.history import EMPTY_HISTORY


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def assemble(
    bundle: Bundle,
    clock_ms: Callable[[], int] = now_ms,
    config: Recommender.Config | None = None,
    state_config: LiveState.Config | None = None,
) -> Recommender:
    """Recommender with fresh state, once the user tower gave its canary answers; a BundleError names what is wrong."""
    bundle.check_encoder()
    state = fresh_state(bundle, state_config)
    return Recommender(bundle, state, clock_ms, config, scorer=load_scorer(bundle, state))


def fresh_state(bundle: Bundle, config: LiveState.Config | None = None) -> LiveState:
    """What is known at the end of training."""
    config = config or LiveState.Config()
    counts = DecayedCounts.resume(
        bundle.popularity, bundle.manifest.trained_until_ms, half_life_s(config, bundle.spec.has_clock)
    )
    items = ItemTable(bundle.spec.vocabulary, bundle.item_vectors)
    signals = fresh_signals(bundle)
    return LiveState(bundle.spec, items, bundle.viewers, bundle.histories, counts, signals, config.num_event_ids)


def fresh_signals(bundle: Bundle) -> LiveSignals:
    """Signals as they stood at the end of training; empty ones where the bundle has none."""
    spec = bundle.spec
    if SIGNALS not in bundle.manifest.files:
        return LiveSignals(LiveSignals.Config(), spec.vocabulary.num_rows, spec.context_sizes, spec.has_clock)
    try:
        return LiveSignals.load(bundle.folder / SIGNALS, spec.context_sizes, spec.has_clock)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{bundle.folder / SIGNALS} cannot be used ({error}); train and publish again") from error


def load_scorer(bundle: Bundle, state: LiveState) -> RankerScorer | None:
    """The bundle's ranker; None when it has none, a BundleError when it does not fit."""
    if bundle.ranker_path is None:
        return None
    card = RankerCard.load(bundle.folder)
    try:
        features = card.features(bundle.spec, blank_moment(bundle, state))
    except ValueError as error:
        raise BundleError(
            f"{bundle.folder / 'ranker.json'} cannot be used: {error}; train and publish again"
        ) from error
    value = ValueModel(card.weights, card.calibration)
    return RankerScorer(features, OnnxActionModel.load(bundle.ranker_path), value, card.sources)


def blank_moment(bundle: Bundle, state: LiveState) -> Moment:
    """A moment of nobody, in which the features have the names of any moment."""
    codes = bundle.spec.context_codes(np.zeros(1, dtype=np.int64), [{}])[0]
    return Moment(
        user_id=None,
        history=EMPTY_HISTORY,
        ts_ms=bundle.manifest.trained_until_ms,
        context=codes,
        vector=None,
        num_rows=state.items.num_rows,
        signals=state.signals,
        transitions=bundle.transitions,
        vectors_of=state.items.vectors,
        slates=bundle.slates,
        item_knn=bundle.item_knn,
        ease=bundle.ease,
        watching=bundle.watching,
        bag=bundle.bag,
        behaviour=bundle.behaviour,
    )
