"""Downloads from a server on loopback: verified, cached, and never half there."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training.data import MovieLensConfig
from training.data.download import fetch, unpack
from training.data.movielens import locate

CONTENT = b"ratings" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr("ml-toy/ratings.csv", "userId,movieId,rating,timestamp\n1,2,4.0,964982703\n")
        zipped.writestr("ml-toy/movies.csv", "movieId,title,genres\n2,Jumanji (1995),Adventure|Children\n")
    return buffer.getvalue()


class Server:
    """Serves `pages`, counts requests by path, and announces more than it sends for paths in `cut`."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                page = server.pages.get(self.path)
                if page is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(page) + (10 if self.path in server.cut else 0)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.mark.parametrize("checksum", [SHA256, MD5, SHA256.upper()])
def test_a_verified_file_arrives_and_is_not_fetched_again(server: Server, tmp_path: Path, checksum: str) -> None:
    server.pages["/a.zip"] = CONTENT
    target = tmp_path / "cache" / "a.zip"
    for _ in range(2):
        assert fetch(f"{server.url}/a.zip", target, checksum).read_bytes() == CONTENT
    assert server.requests == ["/a.zip"]


@pytest.mark.parametrize("text", [f"{MD5}  a.zip\n", f"MD5 (a.zip) = {MD5}\n"])
def test_without_a_checksum_the_published_one_counts(server: Server, tmp_path: Path, text: str) -> None:
    server.pages |= {"/a.zip": CONTENT, "/a.zip.md5": text.encode()}
    assert fetch(f"{server.url}/a.zip", tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_damaged_file_in_the_cache_is_replaced(server: Server, tmp_path: Path) -> None:
    server.pages["/a.zip"] = CONTENT
    (tmp_path / "a.zip").write_bytes(b"half")
    assert fetch(f"{server.url}/a.zip", tmp_path / "a.zip", SHA256).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.pages["/a.zip"] = b"something else"
    with pytest.raises(ValueError, match=f"expected {SHA256}"):
        fetch(f"{server.url}/a.zip", tmp_path / "a.zip", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.pages["/a.zip"] = CONTENT
    server.cut.add("/a.zip")
    with pytest.raises(ValueError, match=r"a\.zip broke off after 7,000 of 7,010 bytes"):
        fetch(f"{server.url}/a.zip", tmp_path / "a.zip", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_failures_name_the_address_and_the_remedy(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"/a\.zip answers 404"):
        fetch(f"{server.url}/a.zip", tmp_path / "a.zip", SHA256)
    with pytest.raises(ValueError, match=r"/a\.zip\.md5 answers 404.*data\.checksum="):
        fetch(f"{server.url}/a.zip", tmp_path / "a.zip")
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:9/a\.zip cannot be reached .*check the network"):
        fetch("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", SHA256)
    with pytest.raises(ValueError, match="'12' is neither an MD5"):
        fetch(f"{server.url}/a.zip", tmp_path / "a.zip", "12")
    with pytest.raises(ValueError, match="file:///etc/passwd is no address"):
        fetch("file:///etc/passwd", tmp_path / "a.zip", SHA256)


def test_something_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(CONTENT)
    with pytest.raises(ValueError, match=r"a\.zip cannot be unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_absent_data_set_is_downloaded_once_when_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_DATA", str(tmp_path))
    content = archive()
    server.pages["/ml-toy.zip"] = content
    checksum = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match=r"ml-toy does not exist; give data\.path=FOLDER or data\.download=true"):
        locate(MovieLensConfig(name="ml-toy"))
    config = MovieLensConfig(name="ml-toy", download=True, url=server.url, checksum=checksum)
    assert sorted(path.name for path in locate(config).iterdir()) == ["movies.csv", "ratings.csv"]
    locate(config)
    assert server.requests == ["/ml-toy.zip"]
