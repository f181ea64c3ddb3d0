"""The OpenAPI 3.1 document, made from the messages themselves, and the words of which features make their part."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from serving.messages import MAX_ID_LENGTH, Problem
from serving.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE

JSON: Final = "application/json"

Json = dict[str, Any]


def document(messages: tuple[type[msgspec.Struct], ...], paths: Json, version: str = "1") -> Json:
    """The whole document as plain data, ready for JSON."""
    _, schemas = msgspec.json.schema_components((*messages, Problem), ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Marquee", "version": version, "description": "Items a viewer will want, for a moment."},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def responses(message: type[msgspec.Struct], *problems: int) -> Json:
    """The answer of an operation, and the problems it may have."""
    return {"200": content("The answer", JSON, message), **problem_responses(*problems)}


def problem_responses(*statuses: int) -> Json:
    """Problem documents by status."""
    return {str(status): content("What was wrong", PROBLEM_MEDIA_TYPE, Problem) for status in statuses}


def body_of(message: type[msgspec.Struct]) -> Json:
    """A required JSON body."""
    return {"required": True, "content": {JSON: {"schema": _ref(message)}}}


def content(description: str, media_type: str, message: type[msgspec.Struct]) -> Json:
    """A described body."""
    return {"description": description, "content": {media_type: {"schema": _ref(message)}}}


def path_parameter(name: str) -> Json:
    """An id in the path."""
    schema = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def deadline_parameter() -> Json:
    """The header in which a caller says how long it waits."""
    return {
        "name": "x-deadline-ms",
        "in": "header",
        "description": "A simpler answer within this time rather than the full one later.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    }


def item_id_parameter() -> Json:
    """The item's id in the path."""
    return path_parameter("item_id")


def _ref(message: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{message.__name__}"}
