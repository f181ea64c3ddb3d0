from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.routes.web import FOLDER
from serving.service import Service
from tests.bundles import TinyConfig
from tests.serving.conftest import NOW_MS
from tests.serving.running import running

FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*"))
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@pytest.fixture(scope="module")
def client(tiny_bundle: Bundle) -> Iterator[httpx.Client]:
    with running(create_app(Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics()))) as client:
        yield client


def test_the_root_is_the_page(client: httpx.Client) -> None:
    response = client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    assert response.text == (FOLDER / "index.html").read_text()


@pytest.mark.parametrize("path", ["/", *(f"/web/{file}" for file in FILES)])
def test_every_file_comes_with_its_kind_and_a_policy_without_inline_scripts(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(KINDS[Path(path).suffix or ".html"])
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


def test_an_unchanged_file_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/web/scripts/main.js")
    again = client.get("/web/scripts/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/web/", "/web/nothing.js", "/web/../app.py", "/web/%2e%2e/app.py"])
def test_nothing_but_the_files_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("file", FILES)
def test_no_file_names_another_host_or_reads_data_as_markup(file: str) -> None:
    text = (FOLDER / file).read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text)
    assert not re.findall(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=", text)


@pytest.mark.parametrize("file", [file for file in FILES if file.endswith(".js")])
def test_every_import_names_a_module_and_something_that_it_exports(file: str) -> None:
    path = FOLDER / file
    for names, source in re.findall(r"import (.+?) from \"(.+?)\";", path.read_text()):
        exported = re.findall(
            r"^export (?:async )?(?:function|const|class) (\w+)", (path.parent / source).read_text(), re.MULTILINE
        )
        wanted = re.findall(r"(\w+)(?: as \w+)?(?:,|\s*})", names)
        assert set(wanted) <= set(exported), source


def test_known_viewers_go_from_little_to_much(client: httpx.Client) -> None:
    viewers = client.get("/v1/viewers", params={"k": 5}).json()["viewers"]
    counts = [viewer["num_events"] for viewer in viewers]
    assert len({viewer["user_id"] for viewer in viewers}) == 5
    assert counts == sorted(counts)
    assert len(viewers[-1]["recent"]) == 3
    assert len(client.get("/v1/viewers", params={"k": 100}).json()["viewers"]) == TinyConfig.num_viewers


@pytest.mark.parametrize("k", ["0", "101", "many"])
def test_a_wrong_number_of_viewers_is_refused(client: httpx.Client, k: str) -> None:
    response = client.get("/v1/viewers", params={"k": k})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "k"


def test_the_first_model_is_the_servers_own(client: httpx.Client) -> None:
    models = client.get("/v1/models").json()["models"]
    assert models[0] == {"model_version": client.get("/health/live").json()["model_version"], "prefix": ""}


def test_another_model_answers_under_its_prefix(tiny_bundle: Bundle, bundle_without_ranker: Bundle) -> None:
    other = Service(assemble(bundle_without_ranker, lambda: NOW_MS), Metrics())
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), others=[other])
    with running(create_app(service)) as client:
        own, beside = client.get("/v1/models").json()["models"]
        assert beside == {"model_version": other.model_version, "prefix": "models/1/"}
        for model in (own, beside):
            page = client.post(f"/{model['prefix']}v1/page", json={"user_id": "viewer-003"}).json()
            assert page["model_version"] == model["model_version"]
