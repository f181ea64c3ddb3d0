"""Readers always find a whole bundle, whatever becomes of the publisher."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pytest

from index import FaissIndex, Kind
from index.faiss_index import Config
from serving.bundle import Bundle, BundleError, locate
from serving.manifest import ManifestFields
from serving.parts import write_parts
from serving.publish import publish, publish_folder
from tests.serving.small_bundle import FIELDS, small_parts

PARTS = small_parts()
STEPS = ("open", "os.", "shutil.")
"""Audit events that look at or change the file system."""


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system offers that: a kill does not care about the disk, and fsync takes no time."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def publish_attempt(out: Path, attempt: int) -> Path:
    """A bundle that tells which attempt made it."""
    return publish(out, PARTS, msgspec.structs.replace(FIELDS, metrics={"attempt": float(attempt)}))


def attempt_of(out: Path) -> float | None:
    """The attempt whose bundle a reader finds; verifies all of it."""
    return Bundle.load(out).manifest.metrics["attempt"]


def in_child(work: Callable[[], object]) -> int:
    """Process id of a copy of this process that does the work and leaves."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """Exit code, or minus the signal that ended the child."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(step: int) -> None:
    """From now on, kill this process at its step-th audit event on the file system."""
    seen = itertools.count(1)

    def watch(event: str, _: tuple[object, ...]) -> None:
        if event.startswith(STEPS) and next(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def count_steps(out: Path) -> int:
    """Audit events of a whole publication."""
    reading, writing = os.pipe()

    def work() -> None:
        seen: list[str] = []
        sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(STEPS) else None)
        publish_attempt(out, 0)
        os.write(writing, str(len(seen)).encode())

    assert exit_code(in_child(work)) == 0
    return int(os.read(reading, 20))


def leftovers(out: Path) -> list[str]:
    """Hidden names, the lock apart."""
    hidden = [*out.glob(".*"), *(out / "bundles").glob(".*")]
    return [path.name for path in hidden if path.name != ".publishing"]


def doomed(out: Path, attempt: int, step: int | None) -> None:
    """Publish, to be killed at a step or from outside."""
    if step is not None:
        kill_at(step)
    publish_attempt(out, attempt)


def test_a_hundred_kills_leave_the_old_or_the_new_bundle_each_time(tmp_path: Path) -> None:
    started = time.perf_counter()
    num_steps = count_steps(tmp_path)
    duration_s = time.perf_counter() - started
    rng = np.random.default_rng(0)
    num_killed, num_new, before = 0, 0, attempt_of(tmp_path)
    for attempt in range(1, 1000):
        at_random = attempt % 4 == 0
        step = int(rng.integers(1, 2 * num_steps))  # tidying up after the last kill takes steps too
        child = in_child(partial(doomed, tmp_path, attempt, None if at_random else step))
        if at_random:
            time.sleep(rng.uniform(0, duration_s))
            os.kill(child, signal.SIGKILL)
        is_killed = exit_code(child) == -signal.SIGKILL
        now = attempt_of(tmp_path)
        assert now in {before, attempt}
        num_killed += is_killed
        num_new += is_killed and now == attempt
        before = now
        if num_killed == 100:
            break
    assert num_killed == 100
    assert 0 < num_new < 100
    publish_attempt(tmp_path, 1001)
    assert attempt_of(tmp_path) == 1001
    assert leftovers(tmp_path) == []
    assert len(list((tmp_path / "bundles").iterdir())) == 3


def test_a_reader_finds_a_bundle_at_every_moment(tmp_path: Path) -> None:
    publish_attempt(tmp_path, 0)
    child = in_child(lambda: [publish_attempt(tmp_path, attempt) for attempt in range(1, 6)])
    found = []
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        found.append(attempt_of(tmp_path))
    found.append(attempt_of(tmp_path))
    assert found == sorted(found, key=lambda attempt: attempt or 0)
    assert found[-1] == 5


def test_two_publishers_wait_for_each_other(tmp_path: Path) -> None:
    children = [in_child(partial(publish_attempt, tmp_path, attempt)) for attempt in range(3)]
    assert [exit_code(child) for child in children] == [0, 0, 0]
    assert len(list((tmp_path / "bundles").iterdir())) == 3
    assert attempt_of(tmp_path) in {0, 1, 2}


def test_a_full_disk_leaves_the_old_bundle_and_says_so(tmp_path: Path) -> None:
    before = publish_attempt(tmp_path, 0)

    def write(folder: Path) -> ManifestFields:
        write_parts(folder, PARTS)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(BundleError, match=r"nothing new.*No space left.*CURRENT is as before, free space"):
        publish_folder(tmp_path, write)
    assert locate(tmp_path) == before
    assert list((tmp_path / "bundles").iterdir()) == [before]


@pytest.mark.parametrize(("name", "max_bytes"), [("vectors.npy", 100_000), ("index.faiss", 200_000)])
def test_a_file_that_cannot_grow_leaves_the_old_bundle(tmp_path: Path, name: str, max_bytes: int) -> None:
    before = publish_attempt(tmp_path, 0)
    vectors = np.random.default_rng(0).normal(size=(5000, 8))
    large = FaissIndex.build(np.arange(2, 5002), vectors, Config(Kind.HNSW_SQ_FP16))

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
        reason = "cannot write" if name == "index.faiss" else "requested and"
        with pytest.raises(BundleError, match=reason):
            publish(tmp_path, replace(PARTS, index=large), FIELDS)

    assert exit_code(in_child(work)) == 0
    assert locate(tmp_path) == before
    assert list((tmp_path / "bundles").iterdir()) == [before]


def test_any_failure_of_the_writer_passes_through_and_leaves_nothing(tmp_path: Path) -> None:
    before = publish_attempt(tmp_path, 0)

    def write(folder: Path) -> ManifestFields:
        (folder / "half").write_text("half")
        raise KeyError("half")

    with pytest.raises(KeyError, match="half"):
        publish_folder(tmp_path, write)
    assert locate(tmp_path) == before
    assert leftovers(tmp_path) == []


def test_the_last_bundles_and_those_named_by_a_pointer_are_kept(tmp_path: Path) -> None:
    times = (datetime(2026, 1, day, tzinfo=UTC) for day in itertools.count(1))
    clock = times.__next__
    first = publish(tmp_path, PARTS, FIELDS, pointer="EVALUATION", clock=clock)
    assert locate(tmp_path / "EVALUATION") == first
    with pytest.raises(BundleError, match="CURRENT is missing"):
        locate(tmp_path)
    folders = [publish(tmp_path, PARTS, FIELDS, keep=2, clock=clock) for _ in range(5)]
    assert sorted((tmp_path / "bundles").iterdir()) == [first, *folders[-2:]]
    assert locate(tmp_path) == folders[-1]
    (tmp_path / "CURRENT").write_text(f"bundles/{folders[-2].name}\n")
    publish(tmp_path, PARTS, FIELDS, keep=1, pointer="CANDIDATE", clock=clock)
    assert locate(tmp_path) == folders[-2]
    assert first.exists()


def test_a_loaded_bundle_outlives_its_folder(tmp_path: Path) -> None:
    publish_attempt(tmp_path, 0)
    old = Bundle.load(tmp_path)
    for attempt in range(1, 3):
        publish(tmp_path, PARTS, msgspec.structs.replace(FIELDS, trained_until_ms=attempt), keep=1)
    assert not old.folder.exists()
    assert old.index.search(old.item_vectors[3:4], 1).rows.tolist() == [[3]]
    assert old.histories.of(1).rows.tolist() == [7, 2]


def test_a_bundle_that_does_not_pass_its_check_is_not_published(tmp_path: Path) -> None:
    before = publish_attempt(tmp_path, 0)

    def write(folder: Path) -> ManifestFields:
        write_parts(folder, PARTS)
        return FIELDS

    def refuse(folder: Path) -> None:
        Bundle.load(folder)
        raise BundleError("the canary sings another song")

    with pytest.raises(BundleError, match="another song"):
        publish_folder(tmp_path, write, check=refuse)
    assert locate(tmp_path) == before


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep is 0"):
        publish(tmp_path, PARTS, FIELDS, keep=0)
    for pointer in (".hidden", "a/b", ""):
        with pytest.raises(ValueError, match="plain file name"):
            publish(tmp_path, PARTS, FIELDS, pointer=pointer)
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="nothing new in"):
        publish(tmp_path / "file", PARTS, FIELDS)
    with pytest.raises(ValueError, match="no plain name"):
        publish(tmp_path, replace(PARTS, ranker_files={"../ranker.onnx": b""}), FIELDS)
    with pytest.raises(ValueError, match="name of another part"):
        publish(tmp_path, replace(PARTS, ranker_files={"item_ids.npy": b""}), FIELDS)
