"""One benchmark result as Markdown, always in the same grammar: title, date, machine, command, facts, table."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Cell = str | int | float


@dataclass(frozen=True)
class Result:
    """facts: what the figures depend on, and ratios by name. rows: one a measured thing, in the order of `columns`."""

    title: str
    facts: Mapping[str, Cell]
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    libraries: Sequence[str] = ("numpy", "faiss-cpu")

    def markdown(self) -> str:
        """The whole result."""
        facts = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine(),
            "command": " ".join(["python", *sys.argv]),
            "libraries": ", ".join(f"{name} {_version(name)}" for name in self.libraries),
            **self.facts,
        }
        lines = [f"# {self.title}", "", *(f"* {name}: {_shown(value)}" for name, value in facts.items()), ""]
        lines += [_line(self.columns), _line(["---"] * len(self.columns)), *(_line(row) for row in self.rows)]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path | None) -> None:
        """Print, and keep as TITLE-DATE.md in `folder` when given."""
        print(self.markdown())
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            name = self.title.lower().replace(" ", "-")
            (folder / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S}.md").write_text(self.markdown())


def machine() -> str:
    """Cores, processor and load: ratios travel better than absolutes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {_processor()}, load {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


def _shown(value: Cell) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[Cell]) -> str:
    return "| " + " | ".join(_shown(cell) for cell in cells) + " |"
