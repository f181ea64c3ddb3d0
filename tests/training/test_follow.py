from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from serving.bundle import CURRENT, Bundle, BundleError, locate
from serving.canary import Canary
from serving.metrics import Metrics
from serving.publish import publish
from serving.reload import Reloader, load_recommender
from serving.service import Service
from tests.bundles import TinyConfig, publish_tiny, tiny_parts
from tests.serving.small_bundle import FIELDS
from tests.serving.test_reload import until
from training.cli import main
from training.commands.follow import look
from training.follow import Follower
from training.tracking import CHAMPION, Tracking, connect


def registered(tracking: Tracking, bundle: Path) -> str:
    """Version of a bundle that is the champion from now on."""
    with tracking.run("training") as run:
        return run.register(bundle)


def move(tracking: Tracking, version: str) -> None:
    assert tracking.config.uri is not None
    connect(tracking.config.uri).set_registered_model_alias("marquee", CHAMPION, version)


@pytest.fixture
def follower(tracking: Tracking, tmp_path: Path) -> Follower:
    return Follower(tmp_path / "served", CHAMPION, 3, tracking.config)


@pytest.fixture
def bundles(tmp_path: Path) -> list[Path]:
    """Two bundles of a trainer."""
    return [publish_tiny(tmp_path / "trained", TinyConfig(seed=seed)) for seed in range(2)]


def test_what_is_served_follows_the_alias_there_and_back(
    tracking: Tracking, follower: Follower, bundles: list[Path]
) -> None:
    versions = []
    for bundle in bundles:
        versions.append(registered(tracking, bundle))
        published = follower.look()
        assert published is not None
        assert locate(follower.out) == published
        assert Bundle.load(follower.out).version == bundle.name
        assert follower.look() is None
    move(tracking, versions[0])
    assert follower.look() == follower.out / "bundles" / bundles[0].name == locate(follower.out)


def test_a_bad_bundle_is_refused_once_and_the_old_one_stays(
    tracking: Tracking, follower: Follower, bundles: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    registered(tracking, bundles[0])
    follower.look()
    file = bundles[1] / "item_vectors.npy"
    file.write_bytes(file.read_bytes()[:-64] + bytes(range(64)))
    registered(tracking, bundles[1])
    for _ in range(3):
        look(follower, "")
    assert caplog.text.count("nothing new is published: version 2 of marquee") == 1
    assert "item_vectors.npy is damaged" in caplog.text
    assert Bundle.load(follower.out).version == bundles[0].name
    assert [path.name for path in (follower.out / "bundles").iterdir()] == [bundles[0].name]


def test_a_tower_that_no_longer_gives_its_known_answers_is_refused(
    tracking: Tracking, follower: Follower, tmp_path: Path
) -> None:
    parts = tiny_parts(TinyConfig())
    other = Canary.of(parts.canary.batch, -parts.canary.users, parts.index)
    registered(tracking, publish(tmp_path / "trained", replace(parts, canary=other), FIELDS))
    with pytest.raises(BundleError):
        follower.look()
    assert not (follower.out / CURRENT).exists()


def test_a_running_server_takes_what_the_alias_names(
    tracking: Tracking, follower: Follower, bundles: list[Path]
) -> None:
    registered(tracking, bundles[0])
    follower.look()
    service = Service(load_recommender(follower.out), Metrics())
    reloader = Reloader(service, follower.out)
    reloader.watch(0.02)
    registered(tracking, bundles[1])
    follower.look()
    until(lambda: service.model_version == bundles[1].name)
    reloader.stop()


def test_the_command_publishes_once_and_names_what_is_missing(
    tracking: Tracking, bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"out={tmp_path / 'served'}", "once=true", f"tracking.uri={tracking.config.uri}"]
    with pytest.raises(SystemExit) as stopped:
        main(["follow", *words])
    assert stopped.value.code == 2
    assert "no version of marquee is called champion" in capsys.readouterr().err
    registered(tracking, bundles[0])
    main(["follow", *words])
    assert locate(tmp_path / "served").name == bundles[0].name
    with pytest.raises(SystemExit):
        main(["follow", *words, "every_s=0"])
    assert "every_s is 0" in capsys.readouterr().err


def test_a_registry_that_is_away_is_waited_for(
    tracking: Tracking, bundles: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = Follower(tmp_path / "served", CHAMPION, 3, Tracking.Config(uri="http://127.0.0.1:1"))
    with caplog.at_level(logging.WARNING):
        said = look(away, look(away, ""))
    assert "cannot be used" in said
    assert caplog.text.count("nothing new is published") == 1
    away.tracking = tracking.config
    registered(tracking, bundles[0])
    assert look(away, said) == ""
    assert locate(away.out).name == bundles[0].name
