"""Whatever a caller sends: no 5xx, answers as the OpenAPI document says, and nothing of the inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.app import create_app, openapi
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.service import Service
from serving.store.store import Store
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from tests.serving.running import running

INSIDE = ("Traceback", "site-packages", "sqlalchemy", "sqlite", 'File "', "onnxruntime", "numpy")

OPERATIONS = [(path, method) for path, each in openapi()["paths"].items() for method in each]
FUZZ = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def client(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'live.sqlite'}")
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), store)
    with running(create_app(service)) as client:
        yield client
    service.close()


def operations(method: str) -> list[str]:
    """Paths with a body under that method."""
    return [path for path, each in openapi()["paths"].items() if "requestBody" in each.get(method, {})]


def known_fields() -> list[str]:
    schemas = openapi()["components"]["schemas"]
    return sorted({name for schema in schemas.values() for name in schema.get("properties", {})})


MESSAGES = st.dictionaries(
    st.sampled_from(known_fields()), ANYTHING | st.sampled_from([item_id(1), "viewer-003", [item_id(1)], 5]), max_size=5
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    place=st.sampled_from(
        [("post", path) for path in operations("post")] + [("put", path) for path in operations("put")]
    ),
    message=MESSAGES | ANYTHING | st.fixed_dictionaries({"events": st.lists(MESSAGES, max_size=3)}),
    name=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=10),
)
def test_no_message_breaks_the_server(client: httpx.Client, place: tuple[str, str], message: Any, name: str) -> None:
    method, path = place
    for parameter in ("{item_id}", "{user_id}"):
        path = path.replace(parameter, "".join(f"%{byte:02x}" for byte in name.encode()))
    sound(client.request(method, path, content=json.dumps(message).encode("utf-8", "surrogatepass")))


@settings(deadline=None, max_examples=50)
@given(body=st.binary(max_size=60), path=st.sampled_from(operations("post")))
def test_no_bytes_break_the_server(client: httpx.Client, body: bytes, path: str) -> None:
    sound(client.post(path, content=body))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_requests_made_from_the_document_are_answered_as_it_says(client: httpx.Client, path: str, method: str) -> None:
    ask_by_document(client, path, method, settings(FUZZ, max_examples=30, derandomize=True))


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_many_requests_made_from_the_document_are_answered_as_it_says(
    client: httpx.Client, path: str, method: str
) -> None:
    ask_by_document(client, path, method, settings(FUZZ, max_examples=300))


def ask_by_document(client: httpx.Client, path: str, method: str, how: settings) -> None:
    """Right and wrong requests of one operation."""
    schema = schemathesis.openapi.from_dict(openapi())
    schema.config.update(base_url=str(client.base_url).rstrip("/"))
    operation = schema[path][method]

    @how
    @given(case=st.one_of([operation.as_strategy(mode) for mode in GenerationMode]))
    def ask(case: Any) -> None:
        response = case.call(session=session)
        headers = {name: values[0] for name, values in response.headers.items()}
        sound(httpx.Response(response.status_code, headers=headers, content=response.content))
        case.validate_response(response, checks=CHECKS)

    with requests.Session() as session:
        session.trust_env = False
        ask()


def sound(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    assert not any(word in response.text for word in INSIDE), response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code


def test_the_fuzz_reaches_the_features(client: httpx.Client) -> None:
    assert {"/v1/recommend", "/v1/events", "/v1/page"} <= set(operations("post"))
    assert "/v1/items/{item_id}" in operations("put")
