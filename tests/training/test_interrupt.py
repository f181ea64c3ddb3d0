"""Ctrl-C during training leaves a checkpoint, says how to go on, and going on works."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from serving.bundle import Bundle
from tests.training.worlds import cycle_events

WITHIN_S = 60.0


def command(folder: Path, *more: str) -> list[str]:
    words = ["data=files", f"data.events={folder}/events.csv", f"out={folder}/out", "preset=nano"]
    quick = ["learning.towers.dim=16", "learning.fit.patience=0", "tracking.enabled=false", "split.test_share=0"]
    return [sys.executable, "-m", "training", "train", *words, *quick, *more]


def test_an_interrupted_training_can_be_resumed(tmp_path: Path) -> None:
    cycle_events(100).to_csv(tmp_path / "events.csv", index=False)
    endless = subprocess.Popen(command(tmp_path, "learning.fit.max_epochs=5000"), stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "out" / "checkpoints" / "towers" / "last.ckpt"
    deadline = time.monotonic() + WITHIN_S
    try:
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        endless.send_signal(signal.SIGINT)
        _, said = endless.communicate(timeout=WITHIN_S)
    finally:
        endless.kill()
    assert endless.returncode == 130
    assert said.rstrip().endswith("repeat the command with resume=true to go on")
    assert "Traceback" not in said
    subprocess.run(command(tmp_path, "learning.fit.max_epochs=2", "resume=true"), check=True, capture_output=True)
    assert Bundle.load(tmp_path / "out").manifest.split
