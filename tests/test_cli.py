"""The command line: help in plain words, endings in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from training.cli import collected, explain, main, split
from training.errors import Interrupted, UsageError
from training.registry import COMMANDS


def ending(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    """Exit code and what stands on stderr."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return stop.value.code, capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    text = capsys.readouterr().out
    assert all(f"  {command.name} " in text and command.does in text for command in COMMANDS)


def test_help_imports_no_heavy_library() -> None:
    heavy = "{'torch', 'pytorch_lightning', 'mlflow', 'hydra', 'pandas', 'numpy'}"
    code = f"import sys; from training.cli import main; main(['--help']); assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_of_a_command_shows_keys_and_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "--help"])
    text = capsys.readouterr().out
    assert f"usage: marquee {command}" in text
    assert "keys and their values:" in text
    assert f"  marquee {command} " in text


def test_help_of_train_shows_the_config_groups(capsys: pytest.CaptureFixture[str]) -> None:
    main(["help", "train"])
    text = capsys.readouterr().out
    assert all(f"  {option} " in text for option in ("data=files", "data=ml_100k", "preset=base", "preset=nano"))


@pytest.mark.parametrize(
    ("arguments", "named", "remedy"),
    [
        (("trian",), "trian", "train"),
        (("train", "data=fles"), "data=fles", "files"),
        (("train", "data=files", "data.evnts=x"), "data.evnts", "data.events"),
        (("train", "data=files"), "data.events", "data.events=VALUE"),
        (("train", "data=files", "data.events=no_such_file.csv", "out=."), "no_such_file.csv", ""),
        (("train", "--verbose"), "--verbose", "KEY=VALUE"),
        (("train", "--config-dir", "no_such_folder"), "no_such_folder", "--config-dir"),
        (("train", "seed=many"), "seed=many", "int"),
    ],
)
def test_wrong_use_gives_one_line_with_the_remedy_and_code_2(
    arguments: tuple[str, ...], named: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = ending(capsys, *arguments)
    assert code == 2
    assert text.count("\n") == 1
    assert text.startswith("marquee: ")
    assert named in text
    assert remedy in text


def test_an_interruption_passes_on_how_to_resume(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(arguments: object) -> None:
        raise Interrupted("stopped; go on with: marquee train resume=last.ckpt")

    monkeypatch.setattr("training.cli.run", interrupted)
    assert ending(capsys, "train") == (130, "marquee: stopped; go on with: marquee train resume=last.ckpt\n")


def test_errors_that_no_user_can_mend_keep_their_traceback() -> None:
    assert explain(RuntimeError("shapes differ")) is None
    assert explain(ModuleNotFoundError("x", name="training.commands.x")) is None


def test_errors_that_a_user_can_mend_are_told_in_words() -> None:
    assert explain(UsageError("give k=10")) == "give k=10"
    assert explain(FileNotFoundError(2, "No such file or directory", "a.csv")) == (
        "a.csv: No such file or directory; check the path"
    )
    assert "pip install 'marquee[train]'" in str(explain(ModuleNotFoundError("x", name="hydra.core")))


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEE_DEBUG", "1")
    with pytest.raises(UsageError):
        main(["trian"])


def test_options_may_stand_anywhere_after_the_command() -> None:
    words = split(["a=1", "--config-dir", "mine", "b=2", "--help"])
    assert words.overrides == ("a=1", "b=2")
    assert str(words.config_dir) == "mine"
    assert words.wants_help


def test_bare_words_are_gathered_where_a_command_takes_them() -> None:
    assert collected(["one", "k=1", "two"], "runs") == ("k=1", "runs=['one','two']")
    assert collected(["one"], None) == ("one",)
