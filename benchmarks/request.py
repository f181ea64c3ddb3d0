"""CPU of a request, whole and by stage, against the stack most teams write first: request.py OUT [NUMBER] [FOLDER].

History 200, answer 100; CPU time of whole server processes over sequential requests, so jobs beside matter little.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import asyncio
import multiprocessing
import re
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmarks.load import messages
from benchmarks.result import Cell, Result
from benchmarks.server_process import Client, cpu_s, served
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.deadline import Costs
from serving.events import Event
from serving.messages import RecommendRequest
from serving.metrics import Metrics
from serving.recommender import Recommender
from serving.routes import recommend as recommend_routes
from serving.server import http_settings
from serving.service import Service
from serving.tracing import Tracing
from serving.vector_cache import VectorCache

NUM_ROUNDS = 5


async def cpu_ms(port: int, pid: int, asked: list[dict[str, Any]], number: int) -> float:
    """Milliseconds of CPU that a server spends on a request."""
    client, before = Client(port), 0.0
    for place in range(-10, number):
        if place == 0:
            before = cpu_s(pid)
        answer = await client.post("/v1/recommend", asked[place % len(asked)])
        assert answer.status == 200, answer.body[:200]
    client.close()
    return (cpu_s(pid) - before) / number * 1000


@contextmanager
def naive(path: str, kind: str) -> Iterator[tuple[int, int]]:
    """Port and process of the naive stack."""
    command = [sys.executable, str(Path(__file__).with_name("naive_stack.py")), path, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)/", process.stdout.readline())
            assert found, "the naive stack did not start"
            time.sleep(1)
            yield int(found[1]), process.pid
        finally:
            process.terminate()


def serve_nothing(bound: socket.socket, answer: bytes) -> None:
    """The HTTP half alone: routes, bodies, limits and metrics around a service that knows its answer."""
    import uvicorn

    from serving import app

    class Nothing:
        metrics, costs, tracing, waits_for_store = Metrics(), Costs(), Tracing(), False

        def recommend(self, message: RecommendRequest, request_id: str, deadline: object) -> bytes:
            return answer

    app.FEATURES = (recommend_routes,)  # type: ignore[misc]
    made = app.create_app(Nothing())  # type: ignore[arg-type]
    uvicorn.Server(http_settings(made)).run([bound])


def http_ms(asked: list[dict[str, Any]], answer: bytes, number: int) -> float:
    """Milliseconds of CPU of a request whose answer is known."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        process = multiprocessing.get_context("fork").Process(target=serve_nothing, args=(bound, answer))
        process.start()
        time.sleep(2)
        try:
            return asyncio.run(cpu_ms(bound.getsockname()[1], process.pid or 0, asked, number))
        finally:
            process.terminate()
            process.join()


def thread_ms(call: Callable[[int], object], number: int) -> float:
    """Milliseconds of CPU of a call in this thread."""
    for place in range(20):
        call(place)
    started = time.thread_time()
    for place in range(number):
        call(place)
    return (time.thread_time() - started) / number * 1000


def in_process(bundle: Bundle, asked: list[dict[str, Any]], number: int) -> list[list[Cell]]:
    """The service without HTTP: whole, with the viewer's vector at hand, JSON alone, and the stages' own reports."""
    config = Recommender.Config(vectors=VectorCache.Config())
    recommender = assemble(bundle, config=config)
    service = Service(recommender, Metrics())
    bodies = [msgspec.json.encode(message) for message in asked]
    decoder = msgspec.json.Decoder(RecommendRequest)
    whole = thread_ms(lambda place: service.recommend(decoder.decode(bodies[place % len(bodies)]), "x"), number)
    answer = msgspec.json.decode(service.recommend(decoder.decode(bodies[0]), "x"))
    json_ms = thread_ms(lambda place: decoder.decode(bodies[place % len(bodies)]), number)
    json_ms += thread_ms(lambda _: msgspec.json.encode(answer), number)
    now = recommender.state
    for place, item_id in enumerate(asked[0]["history"]):
        now.record(Event("viewer", item_id, int(time.time() * 1000) - 10_000 + place))
    known = RecommendRequest(user_id="viewer", k=asked[0]["k"])
    cached = thread_ms(lambda _: service.recommend(known, "x"), number)
    http = http_ms(asked, service.recommend(decoder.decode(bodies[0]), "x"), 2000)
    rows: list[list[Cell]] = [
        ["HTTP and reading, answer known", http],
        ["service, no HTTP", whole],
        ["its JSON", json_ms],
        ["service, vector cached", cached],
    ]
    return rows + stages(service, decoder, bodies, number)


def stages(service: Service, decoder: Any, bodies: list[bytes], number: int) -> list[list[Cell]]:
    """Median wall-clock milliseconds by stage."""
    taken: dict[str, list[float]] = defaultdict(list)
    for place in range(number):
        answer = msgspec.json.decode(service.recommend(decoder.decode(bodies[place % len(bodies)]), "x"))
        for stage in answer["stages"]:
            taken[stage["name"]].append(stage["ms"])
    return [[f"stage {name} (wall)", float(np.median(each))] for name, each in taken.items()]


async def answers(port: int, asked: list[dict[str, Any]]) -> list[list[str]]:
    """The items of each answer."""
    client = Client(port)
    found = [msgspec.json.decode((await client.post("/v1/recommend", each)).body)["items"] for each in asked]
    client.close()
    return found


class Rivals(NamedTuple):
    """Milliseconds a request of each round, and the answers of ours and of the full naive stack."""

    ours: list[float]
    cached: list[float]
    full: list[float]
    bare: list[float]
    answers: list[list[list[str]]]


def rivals(path: str, asked: list[dict[str, Any]], number: int) -> Rivals:
    """All three stacks at once, asked in turn, so that they share whatever else the machine does."""
    known = [{"user_id": f"viewer-{number:05d}", "k": each["k"]} for number, each in enumerate(asked[:10])]
    found = Rivals([], [], [], [], [])
    with (
        served(f"bundle={path}", "store=none", "deadline_ms=0") as server,
        naive(path, "full") as full,
        naive(path, "bare") as bare,
    ):
        for port in (server.port, full[0]):
            found.answers.append(asyncio.run(answers(port, asked[:50])))
        for _ in range(NUM_ROUNDS):
            ours = server.port, server.pid
            turns = ((ours, asked), (ours, known), (full, asked), (bare, asked))
            for times, ((port, pid), questions) in zip(found[:4], turns, strict=True):
                times.append(asyncio.run(cpu_ms(port, pid, questions, number // NUM_ROUNDS)))
    return found


def in_common(answers: list[list[list[str]]]) -> float:
    """Mean share of an answer that the other one has too."""
    pairs = zip(*answers, strict=True)
    return float(np.mean([len(set(one) & set(other)) / len(one) for one, other in pairs]))


def main(path: str, number: int, folder: Path | None) -> None:
    """Measure the stacks in turn, then the parts of ours."""
    bundle = Bundle.load(Path(path))
    asked = messages(bundle, 200)
    found = rivals(path, asked, number)
    ours, cached, full, bare = (float(np.median(times)) for times in found[:4])
    rows: list[list[Cell]] = [
        ["marquee-serve, whole request", ours],
        ["marquee-serve, known viewer, vector cached", cached],
        ["naive stack, same question", full],
        ["naive stack, towers alone, features given", bare],
    ]
    rows += in_process(bundle, asked, number)
    by_name = {str(name): float(value) for name, value in rows}
    facts: dict[str, Cell] = {
        "bundle": f"{Path(path).name}: {bundle.index.num_items:,} items x {bundle.index.dim}",
        "request": "history 200, k 100",
        "answers in common": in_common(found.answers),
        "whole / naive": ours / full,
        "vector cached / naive": cached / full,
        "whole / naive given its features": ours / bare,
        "vector cached / naive given its features": cached / bare,
        "HTTP and JSON / whole": (by_name["HTTP and reading, answer known"] + by_name["its JSON"]) / ours,
    }
    rounded = [[name, round(float(value), 3)] for name, value in rows]
    libraries = ("onnxruntime", "faiss-cpu", "uvicorn", "torch", "fastapi")
    Result("Request", facts, ("what", "CPU ms"), rounded, libraries).write(folder)


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]) if len(sys.argv) > 2 else 300,
        Path(sys.argv[3]) if len(sys.argv) > 3 else None,
    )
