"""The demo runs from a simulated log to answered requests, and finds a user's own files."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from serving.bundle import Bundle
from tests.training.worlds import catalogue, cycle_events
from training.commands.demo import DemoConfig, demo, reading
from training.errors import UsageError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_whole_demo_ends_with_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    demo(DemoConfig(world="tiny", loop_days=1, loop_viewers=30, port=free_port(), serve_s=0.1))
    printed = capsys.readouterr().out
    assert "towers + ranker" in printed
    assert "oracle" in printed
    assert printed.count("curl -s") == 2
    assert Bundle.load(tmp_path / "runs" / "demo").ranker_path is not None


def test_own_files_are_found(tmp_path: Path) -> None:
    cycle_events(3).to_csv(tmp_path / "events.csv", index=False)
    assert reading(str(tmp_path)) == ["data=files", f"data.events={tmp_path}/events.csv"]
    catalogue().to_csv(tmp_path / "items.csv", index=False)
    assert f"data.items={tmp_path}/items.csv" in reading(str(tmp_path))
    assert reading(str(tmp_path / "events.csv")) == ["data=files", f"data.events={tmp_path}/events.csv"]
    assert reading("ml_1m") == ["data=ml_1m"]


def test_a_movielens_folder_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "u.data").touch()
    assert reading(str(tmp_path)) == ["data=ml_100k", f"data.path={tmp_path}"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no nowhere"):
        reading("nowhere")
    with pytest.raises(UsageError, match="holds no events"):
        reading(str(tmp_path))
