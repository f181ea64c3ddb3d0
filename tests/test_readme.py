"""The README's file tree names exactly the files that exist."""

from __future__ import annotations

import re
from pathlib import Path

FOLDERS = ("towers", "ranking", "index", "serving", "training", "conf", "benchmarks")


def test_the_file_tree_is_complete(repository: Path) -> None:
    tree = (repository / "README.md").read_text().split("<!-- TREE -->")[1].split("<!-- /TREE -->")[0]
    named = re.findall(r"^    (\S+/\S+\.(?:py|yaml))  ", tree, flags=re.MULTILINE)
    paths = [path for folder in FOLDERS for path in (repository / folder).rglob("*.*")]
    wanted = {
        path.relative_to(repository).as_posix()
        for path in paths
        if path.suffix in (".py", ".yaml") and path.name != "__init__.py"
    }
    assert sorted(named) == sorted(wanted)
