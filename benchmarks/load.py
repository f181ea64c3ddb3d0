"""The server under an open load, below and beyond its capacity: load.py BUNDLE [SECONDS] [FOLDER] [OPTION=VALUE ...].

Requests come at random moments, whether the ones before are answered or not, so waiting counts. First the capacity is
found with as many callers as keep the server busy; then 50 % and 80 % of it are offered, and 300 % three times as long.
Where other jobs take turns with the server, full answers a second of its CPU say more than those a second of the clock.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmarks.result import Cell, Result
from benchmarks.server_process import Client, cpu_s, percentile_ms, served
from serving.bundle import Bundle

NUM_CALLERS, K, HISTORY = 4, 100, 200


class Step(msgspec.Struct):
    """What is read of an answer."""

    step: str


class Load(NamedTuple):
    """What one load gave; full_s: seconds to each full answer from the moment it should have been sent."""

    name: str
    offered: float
    seconds: float
    statuses: Counter[int]
    steps: Counter[str]
    full_s: list[float]
    other_s: list[float]
    server_cpu_s: float

    @property
    def goodput(self) -> float:
        """Full answers a second."""
        return len(self.full_s) / self.seconds

    @property
    def full_a_cpu_s(self) -> float:
        """Full answers a second of the server's CPU."""
        return len(self.full_s) / self.server_cpu_s

    def row(self) -> list[str | int | float]:
        """A line of the table."""
        simpler = sum(count for step, count in self.steps.items() if step != "full")
        errors = sum(count for status, count in self.statuses.items() if status >= 500 or status == 0)
        latencies = [
            round(percentile_ms(each, share), 1) for each in (self.full_s, self.other_s) for share in (0.5, 0.99)
        ]
        busy = self.server_cpu_s / self.seconds
        return [self.name, round(self.offered), round(self.goodput), simpler, errors, *latencies, round(busy, 2)]


def messages(bundle: Bundle, number: int) -> list[dict[str, Any]]:
    """Requests with long histories."""
    rng = np.random.default_rng(0)
    rows = rng.choice(bundle.spec.vocabulary.item_rows, size=(number, HISTORY))
    return [{"history": bundle.spec.vocabulary.ids(each), "k": K} for each in rows]


async def closed(port: int, pid: int, asked: list[dict[str, Any]], seconds: float) -> Load:
    """As many requests as go, from a few callers."""
    clients = [Client(port) for _ in range(NUM_CALLERS)]
    load = Load("capacity", 0.0, seconds, Counter(), Counter(), [], [], 0.0)
    until, before = time.perf_counter() + seconds, cpu_s(pid)

    async def call(client: Client, place: int) -> None:
        while time.perf_counter() < until:
            place += 1
            await note(client, asked[place % len(asked)], load, time.perf_counter())

    await asyncio.gather(*(call(client, 7 * place) for place, client in enumerate(clients)))
    for client in clients:
        client.close()
    return load._replace(server_cpu_s=cpu_s(pid) - before, offered=sum(load.statuses.values()) / seconds)


async def opened(name: str, port: int, pid: int, asked: list[dict[str, Any]], rate: float, seconds: float) -> Load:
    """Requests at random moments, `rate` a second in the mean."""
    rng = np.random.default_rng(1)
    moments = np.cumsum(rng.exponential(1 / rate, size=int(rate * seconds)))
    idle: list[Client] = []
    load = Load(name, rate, seconds, Counter(), Counter(), [], [], 0.0)
    started, before, tasks = time.perf_counter(), cpu_s(pid), []

    async def call(place: int, due: float) -> None:
        client = idle.pop() if idle else Client(port)
        await note(client, asked[place % len(asked)], load, due)
        idle.append(client)

    for place, moment in enumerate(moments):
        due = started + float(moment)
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(call(place, due)))
    await asyncio.gather(*tasks)
    for client in idle:
        client.close()
    return load._replace(server_cpu_s=cpu_s(pid) - before, seconds=time.perf_counter() - started)


async def note(client: Client, message: dict[str, Any], load: Load, due: float) -> None:
    """Ask and take down."""
    try:
        answer = await client.post("/v1/recommend", message)
    except (OSError, asyncio.IncompleteReadError):
        load.statuses[0] += 1
        return
    load.statuses[answer.status] += 1
    if answer.status == 200:
        step = msgspec.json.decode(answer.body, type=Step).step
        load.steps[step] += 1
        (load.full_s if step == "full" else load.other_s).append(time.perf_counter() - due)


async def measure(port: int, pid: int, asked: list[dict[str, Any]], seconds: float) -> list[Load]:
    """Capacity first, then shares of it."""
    await closed(port, pid, asked, 3)
    capacity = await closed(port, pid, asked, seconds)
    loads = [capacity]
    for share in (0.5, 0.8, 3.0):
        rate = share * capacity.goodput
        length = 3 * seconds if share > 1 else seconds
        loads.append(await opened(f"{share:.0%} of capacity", port, pid, asked, rate, length))
    return loads


def main(bundle: str, seconds: float, folder: Path | None, options: list[str]) -> None:
    """Run all loads against one server."""
    asked = messages(Bundle.load(Path(bundle)), 500)
    with served(f"bundle={bundle}", "store=none", *options) as server:
        loads = asyncio.run(measure(server.port, server.pid, asked, seconds))
    columns = (
        *("load", "offered/s", "full/s", "simpler", "errors", "full p50 ms", "full p99 ms", "simpler p50 ms"),
        *("simpler p99 ms", "server's cores"),
    )
    facts: dict[str, Cell] = {
        "bundle": Path(bundle).name,
        "request": f"history {HISTORY}, k {K}",
        "options": " ".join(options) or "defaults",
        "seconds a load": seconds,
        "goodput at 300 % / capacity": loads[-1].goodput / loads[0].goodput,
        "the same a second of the server's CPU": loads[-1].full_a_cpu_s / loads[0].full_a_cpu_s,
    }
    libraries = ("numpy", "faiss-cpu", "onnxruntime", "uvicorn")
    Result("Load", facts, columns, [load.row() for load in loads], libraries).write(folder)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if "=" not in word]
    main(
        words[0],
        float(words[1]) if len(words) > 1 else 20.0,
        Path(words[2]) if len(words) > 2 else None,
        [word for word in sys.argv[1:] if "=" in word],
    )
