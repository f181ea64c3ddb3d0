"""A command of `marquee` in a process of its own, interrupted as Ctrl-C does it once it has begun."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

WITHIN_S = 120.0


class Interrupted(NamedTuple):
    """How the process ended, and what it said on stderr."""

    code: int
    said: str


def interrupted(words: Sequence[str], checkpoint: Path) -> Interrupted:
    """Run until the checkpoint exists, then interrupt."""
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *words],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heeding,  # noqa: PLW1509
    )
    deadline = time.monotonic() + WITHIN_S
    try:
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WITHIN_S)
    finally:
        process.kill()
    return Interrupted(process.returncode, said)


def _heeding() -> None:
    """What a shell starts in the background ignores interrupts, and so do its children; not this one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
