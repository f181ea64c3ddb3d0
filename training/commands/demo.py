"""`marquee demo`: the whole road in one command, from MovieLens to a server that answers."""

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

from serving.bundle import Bundle
from towers.vocabulary import NUM_RESERVED
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.data.movielens import data_home
from training.errors import UsageError

logger = logging.getLogger(__name__)

FOLDERS = {
    "ml-latest-small": "ml_latest_small",
    "ml-100k": "ml_100k",
    "ml-1m": "ml_1m",
    "ml-20m": "ml_20m",
    "ml-25m": "ml_25m",
    "ml-32m": "ml_32m",
}
"""Data sets that the demo knows, the quickest first: folder and config option."""

READY_WITHIN_S = 60.0

AFTERWARDS = """The server is running: its API is described at http://127.0.0.1:{port}/docs. Ctrl-C stops it.
To look at the run: mlflow ui --backend-store-uri sqlite:///mlflow.db"""


@dataclass(frozen=True)
class DemoConfig:
    """Trains with `preset` on the MovieLens set `data` (the smallest one found when not given) into the folder `out`.

    The server then listens on `port` until Ctrl-C; `serve_s` stops it after that many seconds (0: never).
    """

    data: str | None = None
    preset: str = "nano"
    out: str = "runs/demo"
    port: int = 8000
    serve_s: float = 0.0


def demo(config: DemoConfig) -> None:
    """Train, print the table, publish, serve, and show two requests with their answers."""
    data = config.data or smallest(data_home())
    words = [f"data={data}", f"preset={config.preset}", f"out={config.out}"]
    print(f"\n1. marquee train {' '.join(words)}\n", flush=True)
    train(compose(TrainConfig, "train", words))
    print(f"\n2. marquee-serve bundle={config.out} port={config.port}\n", flush=True)
    with serving(config) as server:
        for command in requests(Bundle.load(Path(config.out)), f"http://127.0.0.1:{config.port}"):
            print(f"{shlex.join(command)}\n{shown(command)}\n", flush=True)
        print(AFTERWARDS.format(port=config.port), flush=True)
        wait(server, config.serve_s)


def smallest(home: Path) -> str:
    """Config option of the quickest MovieLens set below `home`; a UsageError says how to get one."""
    found = [option for folder, option in FOLDERS.items() if (home / folder).is_dir()]
    if not found:
        raise UsageError(
            f"no MovieLens set in {home}; unpack ml-latest-small.zip of grouplens.org/datasets/movielens there, "
            "or set MARQUEE_DATA to the folder that holds one"
        )
    return found[0]


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
    best = int(bundle.popularity[NUM_RESERVED:].argmax()) + NUM_RESERVED
    [item] = bundle.spec.vocabulary.ids(bundle.spec.vocabulary.item_rows[best - NUM_RESERVED : best - NUM_RESERVED + 1])
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
