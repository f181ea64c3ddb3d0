"""What happens to refused rows: a file with their reasons, a line in the log, a stop when there are too many."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from towers.checks import Checked
from towers.schema import BadRow, CheckReport, CheckRules

logger = logging.getLogger(__name__)

FILE_NAME = "bad_events.csv"
NUM_EXAMPLES = 3


def settle(original: pd.DataFrame, checked: Checked, rules: CheckRules, folder: Path) -> CheckReport:
    """Write the refused rows of `original` to `folder` and count them.

    The file has the columns `row` (place in the data as read, from 0) and `reason`, then the values as read. A
    ValueError with examples stops where more rows are bad, or repeated, than the rules allow, or none is left.
    """
    bad, file = checked.counts(), folder / FILE_NAME
    file.unlink(missing_ok=True)
    refused = _refused(original, checked)
    if bad:
        folder.mkdir(parents=True, exist_ok=True)
        refused.to_csv(file, index=False)
        found = ", ".join(f"{number:,} x {reason}" for reason, number in bad.items())
        logger.warning("%d of %d events refused: %s; they are in %s", len(refused), len(original), found, file)
    if checked.num_unknown_items:
        logger.warning(
            "%d items of the events are not in the catalogue; they are kept (unknown_items=reject drops them)",
            checked.num_unknown_items,
        )
    is_repeat = (refused["reason"] == BadRow.DUPLICATE).to_numpy()
    _stop_above(rules.max_bad_share, "max_bad_share", refused[~is_repeat], len(original), file)
    _stop_above(rules.max_duplicate_share, "max_duplicate_share", refused[is_repeat], len(original), file)
    if len(checked.kept) == 0:
        raise ValueError(f"no event is left of {len(original)} read; give a table with events" + _where(bad, file))
    return CheckReport(len(original), len(checked.kept), bad, file if bad else None, checked.num_unknown_items)


def _refused(original: pd.DataFrame, checked: Checked) -> pd.DataFrame:
    rows = np.flatnonzero(checked.reasons)
    reasons = np.array(["", *map(str, BadRow)])[checked.reasons[rows]]
    values = original.iloc[rows].reset_index(drop=True)
    clashes = {name: f"{name}_original" for name in ("row", "reason")}
    return pd.concat([pd.DataFrame({"row": rows, "reason": reasons}), values.rename(columns=clashes)], axis=1)


def _stop_above(limit: float, option: str, refused: pd.DataFrame, num_read: int, file: Path) -> None:
    if len(refused) <= limit * num_read:
        return
    examples = "; ".join(_example(record) for record in refused.head(NUM_EXAMPLES).to_dict("records"))
    raise ValueError(
        f"{len(refused):,} of {num_read:,} events ({len(refused) / num_read:.1%}) are bad, more than "
        f"{option}={limit:g} allows, for example {examples}; all are in {file}; "
        f"mend the data or the column mapping, or raise data.{option}"
    )


def _example(record: Mapping[Hashable, object]) -> str:
    values = ", ".join(f"{name}={value}" for name, value in record.items() if name not in {"row", "reason"})
    return f"row {record['row']} ({record['reason']}: {values[:160]})"


def _where(bad: dict[str, int], file: Path) -> str:
    return f"; the refused ones are in {file}" if bad else ""
