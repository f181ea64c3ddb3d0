"""The manifest of a bundle: what is in it, where it came from, and how to tell that nothing changed since."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Final, Self

import msgspec

from index import BuildReport, FilterReport

FILE: Final = "manifest.json"
FORMAT_VERSION: Final = 1
LIBRARIES: Final = ("numpy", "faiss-cpu", "onnxruntime", "torch", "pytorch-lightning")


class BundleError(ValueError):
    """A bundle cannot be found, read or published; the message names the file and the remedy."""


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the bundle."""

    sha256: str
    num_bytes: int


class ManifestFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What only the trainer knows.

    split: in words. trained_until_ms: no later event was used. metrics: by path with the cut, as `val/recall@100`;
    one that is not finite is kept as None. index: what was measured when the index was chosen.
    index_filters: and how it fares among allowed items; left out where all is brute force.
    value_weights: what each action counts in the order of a list; left out without a ranker.
    """

    data_fingerprint: str
    split: str
    trained_until_ms: int
    metrics: dict[str, float | None]
    index: BuildReport | None = None
    index_filters: FilterReport | msgspec.UnsetType = msgspec.UNSET
    value_weights: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


class Manifest(ManifestFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifest.json`. sha256: of the manifest itself with this field empty."""

    created: datetime
    files: dict[str, FileEntry]
    libraries: dict[str, str]
    package_version: str
    format_version: int = FORMAT_VERSION
    sha256: str = ""

    @classmethod
    def of(cls, folder: Path, fields: ManifestFields, created: datetime) -> Self:
        """Manifest of all files that lie in `folder` now."""
        unsigned = cls(
            data_fingerprint=fields.data_fingerprint,
            split=fields.split,
            trained_until_ms=int(fields.trained_until_ms),
            metrics={name: _finite(value) for name, value in fields.metrics.items()},
            index=fields.index,
            index_filters=fields.index_filters,
            value_weights=fields.value_weights,
            created=created,
            files={path.relative_to(folder).as_posix(): _entry(path) for path in sorted(files_in(folder))},
            libraries={name: _version(name) for name in LIBRARIES if _version(name)},
            package_version=_version("marquee"),
        )
        return unsigned.signed()

    @property
    def version(self) -> str:
        """Name of the bundle; sorts by time."""
        return f"{self.created:%Y%m%dT%H%M%S%f}Z-{self.sha256[:8]}"

    def signed(self) -> Self:
        """With the `sha256` it must have."""
        return msgspec.structs.replace(self, sha256=self.digest())

    def digest(self) -> str:
        """What `sha256` must be."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()

    def encode(self) -> bytes:
        """The only bytes that stand for this manifest."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


class _Format(msgspec.Struct):
    format_version: int


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle folder; a BundleError when a byte of it changed or this version cannot read it."""
    path = folder / FILE
    try:
        raw = path.read_bytes()
        found = msgspec.json.decode(raw, type=_Format).format_version
        if found != FORMAT_VERSION:
            raise BundleError(
                f"{path} has format {found}, this version reads {FORMAT_VERSION}; train and publish again"
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
    except FileNotFoundError as error:
        raise BundleError(f"{path} is missing; {folder} is no complete bundle, publish it again") from error
    except msgspec.DecodeError as error:
        raise BundleError(f"{path} is damaged ({error}); restore it or publish again") from error
    if manifest.digest() != manifest.sha256 or manifest.encode() != raw:
        raise BundleError(f"{path} is damaged (its SHA-256 does not fit); restore it or publish again")
    return manifest


def verify(folder: Path) -> Manifest:
    """The manifest, when every file is as it says; a BundleError names the first that is missing or changed.

    Files the manifest does not know are left alone: nobody reads them.
    """
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        path = folder / _inside(name)
        if not path.is_file():
            raise BundleError(f"{path} is missing; restore it or publish again")
        if _entry(path) != entry:
            raise BundleError(f"{path} is damaged (its SHA-256 does not fit); restore it or publish again")
    return manifest


def files_in(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def _entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        return FileEntry(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BundleError(f"{FILE} names {name!r}, which lies outside the bundle; publish again")
    return path


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
