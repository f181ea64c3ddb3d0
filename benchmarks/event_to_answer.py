"""From an event to the answer that knows it, end to end: event_to_answer.py BUNDLE [STORE_URL] [NUMBER] [FOLDER].

Each round posts one event (durable when acknowledged) and asks for the viewer's list, in which the item must be gone.
The default store is SQLite in a folder of its own.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from benchmarks.result import Cell, Result
from benchmarks.server_process import Client, percentile_ms, served


class Items(msgspec.Struct):
    """What is read of an answer."""

    items: list[str]


class Rounds(NamedTuple):
    """Seconds to the acknowledgement, of the answer, and of both."""

    event_s: list[float]
    answer_s: list[float]
    both_s: list[float]


async def measure(port: int, number: int) -> Rounds:
    """One viewer after another watches the first item of the list."""
    client, rounds, rng = Client(port), Rounds([], [], []), np.random.default_rng(0)
    for place in range(number + 20):
        user = f"viewer {rng.integers(50)}"
        first = msgspec.json.decode((await client.post("/v1/recommend", {"user_id": user})).body, type=Items).items[0]
        event = {"event_id": f"e{place}", "user_id": user, "event": "play", "item_id": first}
        started = time.perf_counter()
        taken = await client.post("/v1/events", {"events": [event]})
        answer = await client.post("/v1/recommend", {"user_id": user, "k": 100})
        both_s = time.perf_counter() - started
        if taken.status != 200 or first in msgspec.json.decode(answer.body, type=Items).items:
            raise SystemExit(f"round {place}: status {taken.status}, or the item is still there")
        if place >= 20:
            rounds.event_s.append(taken.elapsed_s)
            rounds.answer_s.append(answer.elapsed_s)
            rounds.both_s.append(both_s)
    client.close()
    return rounds


def main(bundle: str, store: str, number: int, folder: Path | None) -> None:
    """Measure one store."""
    with served(f"bundle={bundle}", f"store={store}", "deadline_ms=0") as server:
        rounds = asyncio.run(measure(server.port, number))
    rows: list[list[Cell]] = [
        [name, *(round(percentile_ms(seconds, share), 2) for share in (0.5, 0.9, 0.99, 1.0))]
        for name, seconds in zip(("event acknowledged", "answer", "both"), rounds, strict=True)
    ]
    facts: dict[str, Cell] = {"bundle": Path(bundle).name, "store": store.partition(":")[0], "rounds": number}
    libraries = ("sqlalchemy", "psycopg", "onnxruntime")
    Result("Event to answer", facts, ("what", "p50 ms", "p90 ms", "p99 ms", "max ms"), rows, libraries).write(folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        main(
            sys.argv[1],
            sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else f"sqlite:///{own}/live.sqlite",
            int(sys.argv[3]) if len(sys.argv) > 3 else 1000,
            Path(sys.argv[4]) if len(sys.argv) > 4 else None,
        )
