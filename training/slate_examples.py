"""Examples for the ranking head from pages as they were seen: what was taken and what was passed over.

Shapes: S requests, K slots of one, A actions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ranking.features import Features
from ranking.watch_details import DETAILS
from serving.recommender import Recommender
from towers.query import Query
from towers.schema import HISTORY_EVENTS, EventType
from training.data.dataset import Dataset
from training.examples import ExampleList, RankerExamples
from training.impressions import Slates
from training.labels import CHOSEN, NOT_INTERESTED, outcomes
from training.ranker import RankerConfig
from training.replay import Replay, in_time_order


@dataclass(frozen=True, eq=False)
class PageReader:
    """Asks the requests of a log once more, and keeps what the ranker would be given for the slots that were seen."""

    recommender: Recommender
    features: Features
    counts: Mapping[str, int]

    def examples(
        self, config: RankerConfig, pages: Slates, dataset: Dataset, val: NDArray[np.bool_], seed: int
    ) -> RankerExamples:
        """Up to `max_queries` of the requests in the order of time, each after those of the events `val` [E] before."""
        found = outcomes(dataset.events)
        chosen = pages.told[pages.is_chosen]
        known = {name: values for name, values in found.items() if np.isfinite(values[chosen]).any()}
        unwelcome = dataset.events["event"].to_numpy() == EventType.NOT_INTERESTED
        has_unwelcome = bool(unwelcome[pages.told[pages.told >= 0]].any())
        examples = ExampleList((CHOSEN, *known, *([NOT_INTERESTED] if has_unwelcome else [])))
        asked = np.sort(np.random.default_rng(seed).permutation(len(pages))[: config.max_queries])
        replay = self._replay(dataset, val, config.replay)
        queries = replay.before_each(self._queries(pages, dataset, asked))
        for s, query in tqdm(queries, total=len(asked), desc="pages seen", unit="page", mininterval=1.0):
            slots = pages.slots(s)
            rows = pages.rows[slots]
            request = self.recommender.request(query)
            ranks = self.recommender.placed(request, rows, self.counts).ranks
            labels = slot_labels(pages.is_chosen[slots], pages.told[slots], list(known.values()))
            if has_unwelcome:
                is_unwelcome = unwelcome[pages.told[slots]] & (pages.told[slots] >= 0)
                labels = np.concatenate([labels, is_unwelcome[:, None].astype(np.float32)], axis=1)
            examples.add(self.features(request.moment, rows, ranks), rows, labels, request.ts_ms)
        return examples.stacked()

    def _replay(self, dataset: Dataset, val: NDArray[np.bool_], is_whole: bool) -> Replay:
        """What flows into the live state: everything, or what viewers did alone."""
        told = {str(event) for event in (*HISTORY_EVENTS, *DETAILS, *([EventType.IMPRESSION] if is_whole else []))}
        flows = val & dataset.events["event"].isin(told).to_numpy()
        state = self.recommender.state
        return Replay(in_time_order(dataset.events[flows], state.columns), state)

    def _queries(self, pages: Slates, dataset: Dataset, asked: NDArray[np.int64]) -> Iterator[tuple[int, Query]]:
        """The requests at the places `asked` as they were made."""
        events = dataset.events.iloc[pages.position[asked]]
        columns = [column for column in self.recommender.bundle.spec.columns if column in events]
        moments = events[columns].astype(str).to_dict("records") if columns else [{}] * len(asked)
        for s, user_id, moment in zip(asked.tolist(), events["user_id"].tolist(), moments, strict=True):
            context = {str(key): str(value) for key, value in moment.items()}
            yield s, Query(user_id=user_id, ts_ms=int(pages.ts_ms[s]), context=context)


def slot_labels(
    is_chosen: NDArray[np.bool_], told: NDArray[np.int64], outcomes: list[NDArray[np.float64]]
) -> NDArray[np.float32]:
    """Labels [K, A]: whether each slot was chosen, then what the events `told` [K] say came of the chosen ones."""
    labels = np.full((len(is_chosen), 1 + len(outcomes)), np.nan, dtype=np.float32)
    labels[:, 0] = is_chosen
    for action, values in enumerate(outcomes, start=1):
        labels[is_chosen, action] = values[told[is_chosen]]
    return labels
