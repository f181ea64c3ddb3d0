"""What is known of each title when names are looked for: labels, keywords, plot, year, figures from ratings.

Shapes: N titles.
"""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.title_tags import TitleFacts
from training.data.dataset import Dataset

logger = logging.getLogger(__name__)

PRIOR_RATINGS = 20.0
FEW_RATINGS = 5


def title_facts(dataset: Dataset, ids: Sequence[str], keywords: Mapping[str, frozenset[str]]) -> list[TitleFacts]:
    """Facts of each id [N], empty for ids that the catalogue lacks; `keywords` by `title_key` or by item id."""
    measures = rating_measures(dataset.events, ids)
    if dataset.items is None:
        return [TitleFacts(item, measures=each) for item, each in zip(ids, measures, strict=True)]
    table = dataset.items.drop_duplicates("item_id").set_index("item_id").reindex(list(ids))
    records = table.to_dict("records")
    return [_facts(str(item), dict(r), keywords, m) for item, r, m in zip(ids, records, measures, strict=True)]


def rating_measures(events: pd.DataFrame, ids: Sequence[str]) -> list[dict[str, float]]:
    """Of each id: `acclaim`, the smoothed share of likes where there are enough opinions; `popularity` and, the other
    way round, `obscurity`, by number of events.
    """
    counts = events["item_id"].value_counts().reindex(list(ids)).fillna(0).to_numpy(np.float64)
    measures = [{"popularity": n, "obscurity": 1 / (1 + n)} for n in counts.tolist()]
    if "liked" not in events or events["liked"].notna().sum() == 0:
        return measures
    opinions = events.loc[events["liked"].notna()].groupby("item_id")["liked"].agg(["sum", "count"])
    opinions = opinions.reindex(list(ids)).fillna(0)
    mean = opinions["sum"].sum() / max(opinions["count"].sum(), 1)
    acclaim = (opinions["sum"] + PRIOR_RATINGS * mean) / (opinions["count"] + PRIOR_RATINGS)
    for each, value, count in zip(measures, acclaim.tolist(), opinions["count"].tolist(), strict=True):
        each["acclaim"] = value if count >= FEW_RATINGS else 0.0
    return measures


def tmdb_keywords(path: Path) -> dict[str, frozenset[str]]:
    """Keywords of the TMDB 5000 table by `title_key`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(r["title"], r["release_date"][:4], r["keywords"]) for r in csv.DictReader(file)]
    return {
        title_key(title, float(year)): frozenset(word["name"].lower() for word in json.loads(words))
        for title, year, words in rows
        if year.isdigit()
    }


def human_tags(path: Path) -> dict[str, frozenset[str]]:
    """Tags of MovieLens' tags.csv by item id."""
    tags = pd.read_csv(path, dtype="str", keep_default_na=False)
    words = tags["tag"].str.lower().str.strip()
    return {str(item): frozenset(each) for item, each in words.groupby(tags["movieId"])}


def title_key(title: str, year: float | None) -> str:
    """What two catalogues call the same title by: letters, digits and the year."""
    plain = re.sub(r"[^a-z0-9]", "", title.lower())
    return f"{plain}/{int(year)}" if year is not None and np.isfinite(year) else plain


def scores(facts: Sequence[TitleFacts], score: Any) -> NDArray[np.float32]:
    """`score` of each title [N]."""
    return np.array([score(each) for each in facts], dtype=np.float32)


def _facts(
    item: str, record: dict[Any, Any], keywords: Mapping[str, frozenset[str]], measures: dict[str, float]
) -> TitleFacts:
    title, text = _text(record.get("title")), _text(record.get("text"))
    year = record.get("year")
    known = float(year) if isinstance(year, int | float) and np.isfinite(year) else None
    near = [title_key(title, known + off) for off in (0, 1, -1)] if known is not None and title else []
    found = next((keywords[key] for key in (item, *near) if key in keywords), frozenset())
    own = _text(record.get("tags"))
    return TitleFacts(
        title=title,
        genres=_set(record.get("genres")),
        keywords=found | frozenset(part.strip() for part in own.lower().split(",") if part.strip()),
        people=_set(record.get("people")),
        regions=_set([_text(record.get("region"))]),
        maturity=_set([_text(record.get("maturity"))]),
        text=text.lower(),
        year=known,
        measures=measures,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _set(value: object) -> frozenset[str]:
    listed = value if isinstance(value, list | tuple | np.ndarray) else ()
    return frozenset(str(part).lower() for part in listed if str(part))
