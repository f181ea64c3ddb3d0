"""The OpenAPI 3.1 document, made from the messages themselves."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from serving.messages import (
    MAX_ID_LENGTH,
    MAX_K,
    Health,
    Problem,
    RecommendRequest,
    RecommendResponse,
    SimilarResponse,
)
from serving.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE

_JSON: Final = "application/json"

Json = dict[str, Any]


def document(version: str = "1") -> Json:
    """The whole document as plain data, ready for JSON."""
    messages = (RecommendRequest, RecommendResponse, SimilarResponse, Health, Problem)
    _, schemas = msgspec.json.schema_components(messages, ref_template="#/components/schemas/{name}")
    schemas["RecommendRequest"]["example"] = {"history": [], "k": 10}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Marquee", "version": version, "description": "Items a viewer will want, for a moment."},
        "paths": {**_item_paths(), **_operation_paths()},
        "components": {"schemas": schemas},
    }


def _item_paths() -> Json:
    recommend = {
        "summary": "The best items for a viewer in a moment",
        "operationId": "recommend",
        "requestBody": {"required": True, "content": {_JSON: {"schema": _ref(RecommendRequest)}}},
        "responses": _responses(RecommendResponse, 400, 413, 422),
    }
    similar = {
        "summary": "The items nearest to an item",
        "operationId": "similar",
        "parameters": [
            {
                "name": "item_id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "maxLength": MAX_ID_LENGTH},
            },
            {"name": "k", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": 10}},
        ],
        "responses": _responses(SimilarResponse, 404, 422),
    }
    return {"/v1/recommend": {"post": recommend}, "/v1/similar/{item_id}": {"get": similar}}


def _operation_paths() -> Json:
    live = {"summary": "Does the process run?", "operationId": "live", "responses": _responses(Health)}
    ready = {"summary": "Does it take requests?", "operationId": "ready", "responses": _responses(Health)}
    ready["responses"] |= {"503": _content("It starts or stops.", _JSON, Health)}  # type: ignore[operator]
    text = {"200": {"description": "Prometheus text format", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    metrics = {"summary": "Counts and times", "operationId": "metrics", "responses": text}
    return {"/health/live": {"get": live}, "/health/ready": {"get": ready}, "/metrics": {"get": metrics}}


def _responses(message: type[msgspec.Struct], *problems: int) -> Json:
    wrong = {str(status): _content("What was wrong", PROBLEM_MEDIA_TYPE, Problem) for status in problems}
    return {"200": _content("The answer", _JSON, message), **wrong}


def _content(description: str, media_type: str, message: type[msgspec.Struct]) -> Json:
    return {"description": description, "content": {media_type: {"schema": _ref(message)}}}


def _ref(message: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{message.__name__}"}
