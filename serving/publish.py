"""Publishing: a bundle is written beside, made durable, tried, renamed, and only then named by CURRENT.

OUT/CURRENT             "bundles/<version>", replaced atomically; other pointer files may stand beside it
OUT/bundles/<version>   published, never changed
OUT/bundles/.partial-*  being written, or left by a publisher that died: the next one removes it
OUT/bundles/.trash-*    being removed
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from serving.bundle import BUNDLES, CURRENT, Bundle
from serving.manifest import FILE as MANIFEST
from serving.manifest import BundleError, Manifest, ManifestFields, files_in, verify
from serving.parts import BundleParts, write_parts

PARTIAL: Final = ".partial"
TRASH: Final = ".trash"
LOCK: Final = ".publishing"


def _now() -> datetime:
    return datetime.now(UTC)


def publish(
    out: Path,
    parts: BundleParts,
    fields: ManifestFields,
    *,
    pointer: str = CURRENT,
    keep: int = 3,
    clock: Callable[[], datetime] = _now,
) -> Path:
    """Write, verify and publish; see `publish_folder`."""

    def write(folder: Path) -> ManifestFields:
        write_parts(folder, parts)
        return fields

    return publish_folder(out, write, pointer=pointer, keep=keep, clock=clock)


def publish_folder(
    out: Path,
    write: Callable[[Path], ManifestFields],
    *,
    check: Callable[[Path], object] = Bundle.load,
    pointer: str = CURRENT,
    keep: int = 3,
    clock: Callable[[], datetime] = _now,
) -> Path:
    """Publish what `write` puts into the empty folder it is given; returns the bundle's folder.

    `check` must accept the finished folder before anybody sees it. Of the bundles, the newest `keep` stay, and those
    that any pointer file names. Whatever fails, the pointer still names the bundle it named before; a full disk is a
    BundleError.
    """

    def fill(folder: Path) -> Manifest:
        created = clock()
        manifest = Manifest.of(folder, write(folder), created)
        (folder / MANIFEST).write_bytes(manifest.encode())
        return manifest

    return _install(out, fill, check, pointer, keep)


def adopt(out: Path, source: Path, *, pointer: str = CURRENT, keep: int = 3) -> Path:
    """Publish a bundle made elsewhere under its own name, once its tower and index gave the canary answers."""
    manifest = verify(source)
    if (out / BUNDLES / manifest.version).is_dir():
        return reinstate(out, manifest.version, pointer=pointer)

    def fill(folder: Path) -> Manifest:
        for name in (*manifest.files, MANIFEST):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
        return manifest

    return _install(out, fill, _answers, pointer, keep)


def reinstate(out: Path, version: str, *, pointer: str = CURRENT) -> Path:
    """Name a bundle that is in `out` already, once it gave the canary answers."""
    folder = out / BUNDLES / version
    with _alone(out):
        _answers(folder)
        _point(out, pointer, folder)
    return folder


def _answers(folder: Path) -> None:
    Bundle.load(folder).check_encoder()


def _install(
    out: Path, fill: Callable[[Path], Manifest], check: Callable[[Path], object], pointer: str, keep: int
) -> Path:
    if keep < 1 or pointer.startswith(".") or pointer in {"", BUNDLES} or Path(pointer).name != pointer:
        raise ValueError(f"keep is {keep} and pointer {pointer!r}; keep at least 1 and give a plain file name")
    try:
        (out / BUNDLES).mkdir(parents=True, exist_ok=True)
        with _alone(out):
            _sweep(out)
            folder = _add(out, fill, check, pointer)
            _prune(out, keep)
            return folder
    except OSError as error:
        raise BundleError(
            f"nothing new in {out} ({error}); {pointer} is as before, free space or mend the folder and retry"
        ) from error


def _add(out: Path, fill: Callable[[Path], Manifest], check: Callable[[Path], object], pointer: str) -> Path:
    folder = out / BUNDLES / PARTIAL
    try:
        folder.mkdir()
        manifest = fill(folder)
        _sync(folder)
        check(folder)
        folder = folder.rename(out / BUNDLES / manifest.version)
        _sync_one(out / BUNDLES)
        _point(out, pointer, folder)
    except BaseException:
        if folder.name not in _pointed(out):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _point(out: Path, pointer: str, folder: Path) -> None:
    """Replace the pointer file: readers see the old name or the new one."""
    temporary = out / PARTIAL
    temporary.write_text(f"{BUNDLES}/{folder.name}\n")
    _sync_one(temporary)
    temporary.replace(out / pointer)
    _sync_one(out)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One publisher at a time; the lock of a dead one is free."""
    with (out / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(out: Path) -> None:
    """Remove what dead publishers left."""
    for name in (PARTIAL, TRASH):
        if (out / BUNDLES / name).exists():
            shutil.rmtree(out / BUNDLES / name)
    (out / PARTIAL).unlink(missing_ok=True)


def _prune(out: Path, keep: int) -> None:
    """Remove old bundles; a half removed one is never taken for a bundle, and failing to remove fails nothing."""
    versions = sorted(path.name for path in (out / BUNDLES).iterdir() if not path.name.startswith("."))
    for name in set(versions[:-keep]) - _pointed(out):
        with suppress(OSError):
            shutil.rmtree((out / BUNDLES / name).rename(out / BUNDLES / TRASH))


def _pointed(out: Path) -> set[str]:
    """Names of the bundles that pointer files name."""
    small = [path for path in out.iterdir() if path.name != PARTIAL and path.is_file() and path.stat().st_size < 256]
    names = [Path(path.read_text(errors="replace").strip()) for path in small]
    return {name.name for name in names if name.parent == Path(BUNDLES)}


def _sync(folder: Path) -> None:
    """Make files and folders durable, the inner ones first."""
    for path in files_in(folder):
        _sync_one(path)
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        _sync_one(inner)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
