"""The wheel carries everything: it runs from a folder of its own, far from the sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPOSE = """
from training.compose import compose
from training.commands.train import TrainConfig
import training
config = compose(TrainConfig, "train", ["preset=nano", "data=files", "data.events=events.csv", "out=runs"])
print(training.__file__, type(config.data).__name__)
"""


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which the freshly built wheel alone was installed."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip(("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(repository)))
    (wheel,) = wheels.glob("marquee-*.whl")
    pip(("install", "--no-deps", "--target", str(target), str(wheel)))
    return target


def pip(arguments: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, capture_output=True)


def run_installed(installed: Path, cwd: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", ["marquee", "marquee-serve"])
def test_the_console_scripts_of_the_wheel_run(installed: Path, tmp_path: Path, script: str) -> None:
    assert "usage" in run_installed(installed, tmp_path, sys.executable, str(installed / "bin" / script), "--help")


def test_the_wheel_composes_its_configuration_anywhere(installed: Path, tmp_path: Path) -> None:
    where, data = run_installed(installed, tmp_path, sys.executable, "-c", COMPOSE).split()
    assert Path(where).is_relative_to(installed)
    assert data == "FilesConfig"


def test_the_wheel_holds_every_source_file(installed: Path, repository: Path) -> None:
    rooms = ("towers", "ranking", "index", "conf", "training", "serving")
    sources = {path.relative_to(repository) for room in rooms for path in (repository / room).rglob("*.*")}
    wanted = {path for path in sources if path.suffix in (".py", ".yaml", ".html", ".css", ".js", ".svg")}
    assert wanted <= {path.relative_to(installed) for path in installed.rglob("*.*")}
