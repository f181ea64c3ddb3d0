"""`marquee demo`: the whole road in one command, from a behaviour log to a server that answers."""

from __future__ import annotations

import json
import logging
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.bundle import Bundle
from towers.vocabulary import NUM_RESERVED
from training.commands.simulate import SimulateConfig, simulate
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.data import CONFIGS
from training.errors import UsageError

logger = logging.getLogger(__name__)

READY_WITHIN_S: Final = 60.0

MOVIELENS: Final = {"ratings.csv": "ml_latest_small", "movies.dat": "ml_1m", "u.data": "ml_100k"}
"""File by which a MovieLens folder is known, and the option that reads its layout."""

TABLES: Final = (".parquet", ".csv", ".jsonl", ".tsv", ".txt")

NEWEST: Final = ("split.val_share=0.05", "split.test_share=0.05")
"""Of the simulated log more is learned than usual: its viewers judge the result once more."""

READING_THE_LOOP: Final = """
Every row is the same viewers living on for {days} days under another way to fill their page. oracle knows
their hidden tastes, so no system can beat it; what lies between popularity and oracle is there to win.
"""

AFTERWARDS: Final = """The server is running. Its homepage is http://127.0.0.1:{port}/ and its API
is described at http://127.0.0.1:{port}/docs. Ctrl-C stops it.
To look at the run: mlflow ui --backend-store-uri sqlite:///mlflow.db"""


@dataclass(frozen=True)
class DemoConfig:
    """Without `data`, a simulated streaming service writes the log, and its viewers then judge the result.

    `data` is a MovieLens folder, a file of events, a folder with events, items and users, or an option of the config
    group data. Everything goes to the folder `out`. The server listens on `port` until Ctrl-C; `serve_s` stops it
    after that many seconds (0: never). `loop_days` and `loop_viewers` say how long and how many viewers judge.
    """

    data: str | None = None
    preset: str = "nano"
    out: str = "runs/demo"
    world: str = "small"
    loop_days: int = 5
    loop_viewers: int = 500
    port: int = 8000
    serve_s: float = 0.0


def demo(config: DemoConfig) -> None:
    """Simulate or read, train, print the table, publish, judge, serve, and show two requests with their answers."""
    steps = _Steps()
    world = Path(config.out) / "world"
    if config.data is None:
        steps.say(f"marquee simulate preset={config.world} out={world}")
        simulate(SimulateConfig(preset=config.world, out=str(world)))
    newest = NEWEST if config.data is None else ()
    words = [*reading(config.data or str(world)), f"preset={config.preset}", *newest, f"out={config.out}"]
    steps.say(f"marquee train {shlex.join(words)}")
    train(compose(TrainConfig, "train", words))
    if config.data is None:
        _judge(config, world, steps)
    steps.say(f"marquee-serve bundle={config.out} port={config.port}")
    with serving(config) as server:
        for command in requests(Bundle.load(Path(config.out)), f"http://127.0.0.1:{config.port}"):
            print(f"{shlex.join(command)}\n{shown(command)}\n", flush=True)
        print(AFTERWARDS.format(port=config.port), flush=True)
        wait(server, config.serve_s)


def reading(data: str) -> list[str]:
    """Words that make `marquee train` read `data`; a UsageError says what was looked for."""
    path = Path(data).expanduser()
    if path.is_file():
        return ["data=files", f"data.events={path}"]
    if path.is_dir():
        return _folder(path)
    if data in CONFIGS:
        return [f"data={data}"]
    raise UsageError(f"there is no {data}; give a file of events, a folder of tables, or one of {', '.join(CONFIGS)}")


def _folder(path: Path) -> list[str]:
    for name, option in MOVIELENS.items():
        if (path / name).is_file():
            return [f"data={option}", f"data.path={path}"]
    found = {part: _table(path, part) for part in ("events", "items", "users")}
    if found["events"] is None:
        raise UsageError(f"{path} holds no events.parquet, .csv or .jsonl and no MovieLens files; name a file")
    return ["data=files", *(f"data.{part}={file}" for part, file in found.items() if file is not None)]


def _table(folder: Path, part: str) -> Path | None:
    return next((folder / f"{part}{ending}" for ending in TABLES if (folder / f"{part}{ending}").is_file()), None)


def _judge(config: DemoConfig, world: Path, steps: _Steps) -> None:
    steps.say(f"marquee simulate world={world} policy=all bundle={config.out} loop_days={config.loop_days}")
    simulate(
        SimulateConfig(
            world=str(world),
            policy="all",
            bundle=config.out,
            loop_days=config.loop_days,
            loop_viewers=config.loop_viewers,
        )
    )
    print(READING_THE_LOOP.format(days=config.loop_days))


class _Steps:
    """Numbers the commands that the demo stands for."""

    def __init__(self) -> None:
        self.number = 0

    def say(self, command: str) -> None:
        self.number += 1
        print(f"\n{self.number}. {command}\n", flush=True)


@contextmanager
def serving(config: DemoConfig) -> Iterator[subprocess.Popen[bytes]]:
    """A `marquee-serve` process that is ready to answer, stopped at the end."""
    words = [f"bundle={config.out}", f"port={config.port}"]
    server = subprocess.Popen([sys.executable, "-c", "from serving.server import main; main()", *words])
    try:
        _wait_until_ready(server, config.port)
        yield server
    finally:
        server.terminate()
        server.wait(timeout=20)


def requests(bundle: Bundle, url: str) -> list[list[str]]:
    """Two curl commands: items for a known viewer, and items like the most popular one."""
    viewer = bundle.viewers.ids(bundle.viewers.item_rows[:1])[0]
    best = int(bundle.popularity[NUM_RESERVED:].argmax())
    [item] = bundle.spec.vocabulary.ids(bundle.spec.vocabulary.item_rows[best : best + 1])
    body = json.dumps({"user_id": viewer, "k": 5})
    headers = ["-H", "content-type: application/json"]
    return [
        ["curl", "-s", f"{url}/v1/recommend", *headers, "-d", body],
        ["curl", "-s", f"{url}/v1/similar/{item}?k=5"],
    ]


def shown(command: list[str]) -> str:
    """The answer to a curl command, asked for here, laid out to read."""
    url = next(word for word in command if word.startswith("http"))
    body = command[command.index("-d") + 1].encode() if "-d" in command else None
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return "\n".join(f"  {key}: {json.dumps(value)}" for key, value in json.load(answer).items())


def wait(server: subprocess.Popen[bytes], serve_s: float) -> None:
    """Until Ctrl-C, the end of the server, or `serve_s` seconds."""
    try:
        server.wait(timeout=serve_s or None)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        logger.info("stopping the server")


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise UsageError(f"the server ended at once; is port {port} taken? choose another: port={port + 1}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise UsageError(f"the server was not ready within {READY_WITHIN_S:.0f} s; start it alone to see why")
