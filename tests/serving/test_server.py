from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving.options import parse
from serving.server import main
from tests.bundles import TinyConfig, publish_tiny

HEAVY = ("torch", "pytorch_lightning", "lightning", "mlflow", "hydra", "omegaconf", "pandas", "matplotlib", "scipy")


def test_the_server_imports_none_of_the_training_libraries(repository: Path) -> None:
    code = "import json, sys, serving.app, serving.server, serving.assembly; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    loaded = {name.partition(".")[0] for name in json.loads(printed)}
    assert not loaded & set(HEAVY)


def test_help_lists_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    assert "bundle=DIR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "bundle= is missing"),
        (["bundle=."], "nothing was published"),
        (["bundle=/no/such/folder"], "no folder /no/such/folder"),
        (["bundle=.", "port=http"], "port is 'http'"),
        (["bundle=.", "port=70000"], "port is 70000"),
        (["bundle=.", "threads=0"], "threads is 0"),
        (["bundle=.", "workers=0"], "workers is 0"),
        (["bundle=.", "watch_s=-1"], "watch_s is -1.0"),
        (["bundle=.", "deadline_ms=soon"], "deadline_ms is 'soon'; give a number"),
        (["bundle=.", "log_level=loud"], "log_level is 'loud'"),
        (["bundle=.", "exploration=2"], "exploration is 2.0"),
        (["bundle=.", "prot=8000"], "unknown option 'prot=8000'"),
        (["--port", "8000"], "unknown option '--port'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(words)
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert says in error
    assert error.count("\n") == 1


def test_options_are_read_as_what_they_are(tmp_path: Path) -> None:
    config = parse([f"bundle={tmp_path}", "port=0", "threads=2", "watch_s=0.5", "store=none"])
    assert (config.bundle, config.port, config.threads, config.host) == (tmp_path, 0, 2, "127.0.0.1")
    assert (config.watch_s, config.store_url) == (0.5, None)
    assert parse([f"bundle={tmp_path}"]).store_url == f"sqlite:///{tmp_path}/live.sqlite"


def test_a_taken_port_is_one_line_and_exit_code_2(tiny_out: Path, repository: Path) -> None:
    with serving(tiny_out, repository) as (url, _):
        port = url.rpartition(":")[2]
        second = subprocess.run(
            command(tiny_out, port), cwd=repository, capture_output=True, text=True, timeout=30, check=False
        )
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert port in second.stderr


def test_a_new_bundle_is_taken_on_sighup_and_a_broken_one_is_not(tmp_path: Path, repository: Path) -> None:
    first = publish_tiny(tmp_path)
    with serving(tmp_path, repository) as (url, process):
        assert version(url) == first.name
        second = publish_tiny(tmp_path, TinyConfig(seed=1))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: version(url) == second.name)
        third = publish_tiny(tmp_path, TinyConfig(seed=2))
        damaged = third / "catalogue.json"
        damaged.write_bytes(damaged.read_bytes().replace(b"Title 1", b"Title 9", 1))
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        while "catalogue.json" not in (line := process.stderr.readline()):
            assert line
        assert httpx.post(f"{url}/v1/recommend", json={}).json()["model_version"] == second.name
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def command(out: Path, port: str = "0") -> list[str]:
    return [sys.executable, "-c", "from serving.server import main; main()", f"bundle={out}", f"port={port}"]


@contextmanager
def serving(
    out: Path, repository: Path, *words: str, is_ready: bool = True
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of a server, once it takes requests."""
    process = subprocess.Popen(
        [*command(out), *words],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[^/]+", process.stdout.readline())
            assert found, process.stderr and process.stderr.read()
            if is_ready:
                wait_until(lambda: httpx.get(f"{found[0]}/health/ready").status_code == 200)
            yield found[0], process
        finally:
            process.terminate()


def version(url: str) -> str:
    return str(httpx.get(f"{url}/health/live").json()["model_version"])


def wait_until(is_so: object) -> None:
    """Until the callable says so, at most 20 s."""
    assert callable(is_so)
    for _ in range(400):
        try:
            if is_so():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("waited in vain")
