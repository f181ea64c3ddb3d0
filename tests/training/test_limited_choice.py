from __future__ import annotations

from pathlib import Path

import pytest

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.page.controls import MemorySettings
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Sizes
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewers
from tests.bundles import publish_tiny
from training.commands.limit import LimitConfig, limit
from training.errors import UsageError
from training.limited_choice import limited_choice, smallest


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    publish_tiny(folder)
    return folder


def test_larger_pages_are_worth_more_and_less_and_less_so(out: Path) -> None:
    bundle = Bundle.load(out)
    now_ms = bundle.manifest.trained_until_ms
    home = Homepage(assemble(bundle, lambda: now_ms), PageParts.load(bundle), LiveViewers(), MemorySettings())
    queries = [PageQuery(f"viewer-{n:03d}", now_ms) for n in range(5)]
    report = limited_choice(home, queries, [Sizes(rows, 6, 2) for rows in (6, 1, 3)])
    assert [each.num_slots for each in report] == [6, 18, 36]
    assert [each.share for each in report] == sorted(each.share for each in report)
    assert report[-1].share == 1
    assert smallest(report, loss=0.99) == report[0]
    assert smallest(report, loss=0.0).num_slots <= 36


def test_the_command_prints_the_report(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limit(LimitConfig(bundle=str(out), viewers=4, rows=(1, 2, 4), row_length=5))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["20", "titles", "in", "4", "rows", "100.0%"]
    assert "lose no more than 3% of the largest page" in lines[-1]


@pytest.mark.parametrize("config", [LimitConfig(), LimitConfig(bundle="x", attention="none")])
def test_a_wrong_wish_is_explained(config: LimitConfig) -> None:
    with pytest.raises(UsageError, match=r"bundle=FOLDER|'none'"):
        limit(config)
