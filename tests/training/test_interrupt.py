"""Ctrl-C during training leaves a checkpoint, says how to go on, and going on works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from serving.bundle import Bundle
from tests.training.interrupting import interrupted
from tests.training.worlds import cycle_events


def words(folder: Path, *more: str) -> list[str]:
    data = ["data=files", f"data.events={folder}/events.csv", f"out={folder}/out", "preset=nano"]
    quick = ["learning.towers.dim=16", "learning.fit.patience=0", "tracking.enabled=false", "split.test_share=0"]
    return ["train", *data, *quick, *more]


def test_an_interrupted_training_can_be_resumed(tmp_path: Path) -> None:
    cycle_events(100).to_csv(tmp_path / "events.csv", index=False)
    endless = words(tmp_path, "learning.fit.max_epochs=5000")
    code, said = interrupted(endless, tmp_path / "out" / "checkpoints" / "towers" / "last.ckpt")
    assert code == 130
    assert said.rstrip().endswith("repeat the command with resume=true to go on")
    assert "Traceback" not in said
    again = words(tmp_path, "learning.fit.max_epochs=2", "resume=true")
    subprocess.run([sys.executable, "-m", "training", *again], check=True, capture_output=True)
    assert Bundle.load(tmp_path / "out").manifest.split
