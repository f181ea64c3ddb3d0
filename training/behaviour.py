"""How viewers watch, as a bundle file for the ranker, and what a catalogue says of titles in numbers.

Shapes: R vocabulary rows, E events, G genres.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.behaviour import FILE, MOST_EVENTS, USUAL_MINUTES, Behaviour, counted
from ranking.habits import Population, TitleForms
from ranking.watch_details import DETAILS, WatchDetails
from towers.schema import EventType
from towers.vocabulary import UNKNOWN, Vocabulary
from training.bundle_files import files_of
from training.corpus import Corpus
from training.page_files import title_table

MOST_VIEWERS: Final = 2000
"""As many tell what everybody does."""


def title_forms(items: pd.DataFrame | None, vocabulary: Vocabulary) -> TitleForms | None:
    """Lengths, kinds and genres of the rows; None where the catalogue has no lengths."""
    if items is None or "minutes" not in items:
        return None
    table, ids = title_table(items, vocabulary), vocabulary.ids(vocabulary.item_rows)
    listed = items.drop_duplicates("item_id").set_index("item_id").reindex(ids)
    own = [tuple(each) if isinstance(each, list) else () for each in listed.get("genres", pd.Series([()] * len(ids)))]
    place = {name: number for number, name in enumerate(sorted({name for each in own for name in each}))}
    genres = np.zeros((vocabulary.num_rows, len(place)), dtype=np.bool_)
    for row, each in zip(vocabulary.item_rows.tolist(), own, strict=True):
        genres[row, [place[name] for name in each]] = True
    return TitleForms(table.lengths(), np.array([kind == "series" for kind in table.kind]), genres)


def traits(facts: TitleForms | None) -> NDArray[np.float32] | None:
    """Features [R, 2] of titles: the logarithm of their length over that of an episode, and whether they have some."""
    if facts is None:
        return None
    longer = np.nan_to_num(np.log(facts.minutes / USUAL_MINUTES))
    return np.stack([longer, facts.is_series], axis=1).astype(np.float32)


def behaviour_file(facts: TitleForms | None, events: pd.DataFrame, corpus: Corpus) -> dict[str, bytes]:
    """`behaviour.npz` by name; nothing where lengths or watched shares are unknown, or times are mere positions."""
    histories = corpus.events.histories
    if facts is None or not histories.shares.any() or not corpus.spec.has_clock:
        return {}
    details, count = watch_details(events, corpus.spec.vocabulary), histories.num_viewers
    some = np.unique(np.linspace(0, count - 1, min(count, MOST_VIEWERS)).astype(np.int64))
    ids = corpus.viewers.ids(corpus.viewers.item_rows[some])
    counts = [
        counted(history, details.of(user_id, history.rows), facts)
        for user_id, history in zip(ids, (histories.of(viewer).last(MOST_EVENTS) for viewer in some), strict=True)
    ]
    behaviour = Behaviour(facts, Population.of(counts))
    return files_of(lambda folder: behaviour.save(folder / FILE))


def watch_details(events: pd.DataFrame, vocabulary: Vocabulary) -> WatchDetails:
    """What the event table says of pauses and further episodes."""
    details = WatchDetails()
    told = events[events["event"].isin([str(event) for event in DETAILS])]
    codes, ids = told["item_id"].factorize()
    rows = vocabulary.rows(list(ids))[codes] if len(ids) else np.empty(0, dtype=np.int64)
    counted = told.assign(row=rows)[rows != UNKNOWN].groupby(["user_id", "row", "event"], sort=False).size()
    for (user_id, row, event), times in counted.items():
        details.note(user_id, int(row), EventType(event), int(times))
    return details
