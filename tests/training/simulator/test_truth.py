"""What is true of the world never reaches those who learn from its log."""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd
import pytest

from training.data.tables import SUFFIXES
from training.simulator.log import TRUTH
from training.simulator.titles import Titles
from training.simulator.viewers import Viewers

ROOMS = ("towers", "index", "ranking", "serving", "training")
ALLOWED = ("training/simulator/", "training/commands/simulate.py", "training/commands/demo.py")
HIDDEN = (set(Titles._fields) | set(Viewers._fields)) - {"minutes", "num_seasons", "num_episodes", "region", "maturity"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_nothing_that_learns_or_serves_imports_the_simulator(repository: Path) -> None:
    for room in ROOMS:
        for path in (repository / room).rglob("*.py"):
            name = str(path.relative_to(repository))
            if not name.startswith(ALLOWED):
                assert not any(module.startswith("training.simulator") for module in imported(path)), name


def test_no_reader_takes_the_files_of_the_truth(folder: Path) -> None:
    files = list((folder / TRUTH).iterdir())
    assert files
    assert not [file for file in files if file.name.endswith(SUFFIXES)]


@pytest.mark.parametrize("name", ["events", "items", "users"])
def test_no_column_tells_a_hidden_variable(folder: Path, name: str) -> None:
    table = pd.read_parquet(folder / f"{name}.parquet")
    assert not HIDDEN & set(table.columns)
