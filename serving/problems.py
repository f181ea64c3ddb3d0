"""Everything a caller can get wrong, as problem documents (RFC 9457) that name the field."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from serving.messages import FieldError, Problem

MEDIA_TYPE: Final = "application/problem+json"

_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")
_NAMED = re.compile(r"field `(?P<name>[^`]*)`")


class ProblemError(Exception):
    """Stops a request with a problem document."""

    def __init__(self, status: HTTPStatus, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors


def field_error(field: str, message: str) -> ProblemError:
    """422 for one field."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {message}", (FieldError(field, message),))


def decode_error(error: msgspec.DecodeError) -> ProblemError:
    """400 for a body that is no JSON, 422 naming the field for JSON of another shape."""
    if not isinstance(error, msgspec.ValidationError):
        return ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not valid JSON: {error}")
    message = str(error)
    place = _PLACE.search(message)
    path = place["path"] if place else ""
    named = _NAMED.search(message)
    field = ".".join(part for part in (path, named["name"] if named else "") if part) or "body"
    return field_error(field, _PLACE.sub("", message))


def response(error: ProblemError, request_id: str = "", headers: dict[str, str] | None = None) -> Response:
    """The problem document."""
    status = error.status
    problem = Problem(status.phrase, status.value, error.detail, request_id=request_id, errors=list(error.errors))
    return Response(msgspec.json.encode(problem), status.value, headers, MEDIA_TYPE)
