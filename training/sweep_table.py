"""The trials of a sweep as a table: for the terminal and as a file."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Final

import pandas as pd
from rich.console import Console
from rich.table import Table

from training.sweep_figures import short_names
from training.sweep_space import Space
from training.sweep_study import Tried

WIDTH: Final = 120
NUM_SHOWN: Final = 30


def as_frame(space: Space, tried: Sequence[Tried]) -> pd.DataFrame:
    """One row a trial in the order tried, with full keys and the reason of a failure."""
    return pd.DataFrame(
        {
            "trial": [one.number for one in tried],
            "state": [one.state for one in tried],
            "value": [one.value for one in tried],
            "epochs": [one.epochs for one in tried],
            "minutes": [round(one.minutes, 2) for one in tried],
            **{varied.key: [varied.text(one.params[varied.key]) for one in tried] for varied in space.varied},
            "error": [one.error for one in tried],
        }
    )


def as_text(space: Space, ranked: Sequence[Tried], objective: str) -> str:
    """The first 30 of the trials in the order given."""
    table = Table(box=None, pad_edge=False, header_style=None)
    for name in ("trial", objective, "", "epochs", "min", *short_names([varied.key for varied in space.varied])):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for one in ranked[:NUM_SHOWN]:
        value = "-" if math.isnan(one.value) else f"{one.value:.4f}"
        state = "" if one.state == "complete" else one.state
        chosen = [varied.text(one.params[varied.key]) for varied in space.varied]
        table.add_row(str(one.number), value, state, str(one.epochs), f"{one.minutes:.1f}", *chosen)
    lines = io.StringIO()
    console = Console(file=lines, width=WIDTH, color_system=None, highlight=False)
    console.print(table)
    if len(ranked) > NUM_SHOWN:
        console.print(f"... and {len(ranked) - NUM_SHOWN} more")
    return lines.getvalue()
