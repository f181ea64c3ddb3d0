"""The catalogue and the table of viewers: recognised columns in our types, everything else as text."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from towers.checks import as_ids, as_text, require_columns
from training.data.canonical import is_nested, numbers
from training.data.columns import ITEM_NAMES, USER_NAMES, recognise, renamed
from training.data.times import parse_times

logger = logging.getLogger(__name__)


def items_table(original: pd.DataFrame, mapping: Mapping[str, str]) -> pd.DataFrame:
    """Catalogue with one row an item: `item_id`, and of the other columns of `Dataset.items` what there is.

    A ValueError names a missing id column.
    """
    chosen = recognise(original.columns, ITEM_NAMES, mapping, "item_columns")
    table = renamed(original, chosen)
    require_columns(table.columns, ["item_id"], "item_columns")
    items = table.drop(columns=["released"], errors="ignore")
    for name in items.columns:
        if name in {"genres", "people"}:
            items[name] = as_lists(items[name])
        elif is_nested(items[name]):
            items[name] = as_lists(items[name]).map(", ".join).astype("str")
        elif name == "year":
            items[name] = _finite(items[name])
        else:
            items[name] = as_ids(items[name]) if name == "item_id" else as_text(items[name])
    if "released" in table:
        items["release_ms"] = parse_times(table["released"].rename(chosen["released"])).ts_ms
        items["year"] = items.get("year", pd.to_datetime(items["release_ms"], unit="ms").dt.year.astype("float64"))
    return one_row_each(items, "item_id")


def users_table(original: pd.DataFrame, mapping: Mapping[str, str]) -> pd.DataFrame:
    """Viewers with `user_id`, one row a viewer, and their further columns as str; a ValueError names a missing id."""
    table = renamed(original, recognise(original.columns, USER_NAMES, mapping, "user_columns"))
    require_columns(table.columns, ["user_id"], "user_columns")
    texts = {name: as_ids(table[name]) if name == "user_id" else as_text(table[name]) for name in table.columns}
    return one_row_each(pd.DataFrame(texts), "user_id")


def one_row_each(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """The first row of each id, in file order; says how many rows had no id or repeated one."""
    is_good = table[key].notna() & (table[key] != "") & ~table[key].duplicated()
    if not is_good.all():
        logger.warning("%d of %d rows left out: no %s or one seen before", (~is_good).sum(), len(table), key)
    return table[is_good].reset_index(drop=True)


def as_lists(values: pd.Series) -> pd.Series:
    """Lists of str from lists, from JSON (strings or objects with a `name`), or from text split at '|', ';' or ','."""
    return pd.Series([_words(value) for value in values.tolist()], index=values.index, dtype=object)


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return _split(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        named = [part.get("name", "") if isinstance(part, dict) else part for part in value]
        return [str(part).strip() for part in named if part is not None and str(part).strip()]
    return []


def _split(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return _words(json.loads(text))
        except json.JSONDecodeError:
            logger.debug("%r is no JSON; read as text", text[:60])
    separator = next((mark for mark in "|;" if mark in text), ",")
    return [part.strip() for part in text.split(separator) if part.strip()]


def _finite(values: pd.Series) -> pd.Series:
    parsed = numbers(values)
    return pd.Series(np.where(np.isfinite(parsed), parsed, np.nan), index=values.index)
