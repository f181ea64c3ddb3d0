"""Fetches a file once, verifies it, and unpacks archives; nothing half done is ever found under its final name."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path
from typing import Final

from tqdm import tqdm

CHUNK_BYTES: Final = 1 << 20
_ALGORITHMS: Final = {32: "md5", 64: "sha256"}


def fetch(url: str, target: Path, checksum: str | None = None, *, timeout_s: float = 30.0) -> Path:
    """The file at `url` as `target`; what already lies there with the right checksum is used as it is.

    `checksum` is an MD5 or SHA-256 in hex; without one it is read from `url` + `.md5`. A ValueError says what failed:
    the network, the server's answer, the checksum or the folder.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is no address to download from; give one that starts with https://")
    expected = _checked_form(checksum or published_md5(url, timeout_s=timeout_s))
    if target.exists() and digest(target, expected) == expected:
        return target
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(url, partial, timeout_s)
        if (found := digest(partial, expected)) != expected:
            raise ValueError(f"{url} has checksum {found}, expected {expected}; try again, or set data.checksum")
        partial.replace(target)
    except OSError as error:
        raise ValueError(_explained(url, error)) from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def published_md5(url: str, *, timeout_s: float = 30.0) -> str:
    """The checksum in the file `url` + `.md5`, in the form of `md5sum` or of BSD's `md5`."""
    address = f"{url}.md5"
    try:
        with urllib.request.urlopen(address, timeout=timeout_s) as answer:  # noqa: S310
            text = bytes(answer.read(4096)).decode("ascii", errors="replace")
    except (OSError, HTTPException) as error:
        raise ValueError(f"{_explained(address, error)}; or give the checksum with data.checksum=") from error
    words = [word for word in text.replace("=", " ").split() if _is_checksum(word)]
    if not words:
        raise ValueError(f"{address} holds no checksum; give it with data.checksum=")
    return str(words[0])


def digest(path: Path, like: str) -> str:
    """Hex digest of a file by the algorithm whose digests are as long as `like`."""
    with path.open("rb") as file:
        return str(hashlib.file_digest(file, _ALGORITHMS[len(like)]).hexdigest())


def unpack(archive: Path, folder: Path) -> Path:
    """The content of a zip as `folder`, without the single top folder the archive may have; renamed when complete."""
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(place)
            entries = list(Path(place).iterdir())
            is_nested = len(entries) == 1 and entries[0].is_dir()
            content = entries[0] if is_nested else Path(shutil.copytree(place, f"{place}/{folder.name}"))
            content.rename(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{archive} cannot be unpacked to {folder}: {error}") from error
    return folder


def _download(url: str, partial: Path, timeout_s: float) -> None:
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer, partial.open("wb") as file:  # noqa: S310
            size = int(answer.headers.get("Content-Length", 0)) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=url.rsplit("/", 1)[-1]) as progress:
                while chunk := answer.read(CHUNK_BYTES):
                    file.write(chunk)
                    progress.update(len(chunk))
    except HTTPException as error:
        raise ValueError(_explained(url, error)) from error
    if size is not None and partial.stat().st_size < size:
        raise ValueError(f"{url} broke off after {partial.stat().st_size:,} of {size:,} bytes; try again")


def _explained(url: str, error: Exception) -> str:
    match error:
        case urllib.error.HTTPError():
            return f"{url} answers {error.code} {error.reason}; check the address"
        case urllib.error.URLError() | TimeoutError() | ConnectionError() | HTTPException():
            reason = getattr(error, "reason", error)
            return f"{url} cannot be reached ({reason}); check the network, or put the data there by hand"
        case _:
            return f"{url} cannot be stored ({error}); set MARQUEE_DATA to a folder you may write to"


def _checked_form(checksum: str) -> str:
    if not _is_checksum(checksum):
        raise ValueError(f"checksum {checksum!r} is neither an MD5 (32 hex digits) nor a SHA-256 (64)")
    return checksum.lower()


def _is_checksum(word: str) -> bool:
    return len(word) in _ALGORITHMS and set(word.lower()) <= set("0123456789abcdef")
