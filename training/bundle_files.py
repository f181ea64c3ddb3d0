"""Files of a bundle that are made on their own, as contents by name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path


def files_of(*saves: Callable[[Path], object]) -> dict[str, bytes]:
    """What these write into a folder, by file name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for save in saves:
            save(folder)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
