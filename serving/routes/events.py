"""What viewers did: taken durably, and in the next answer. And its opposite: a viewer is forgotten."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.assembly import now_ms
from serving.event_messages import EventBatch, EventsTaken, ViewerForgotten, to_event
from serving.messages import MAX_ID_LENGTH
from serving.openapi import Json, body_of, path_parameter, responses
from serving.problems import field_error
from serving.routes.edge import Edge, json_response, only_parameters

MESSAGES = (EventBatch, EventsTaken, ViewerForgotten)

_DECODER = msgspec.json.Decoder(EventBatch)


def routes(edge: Edge) -> list[BaseRoute]:
    """POST /v1/events and DELETE /v1/users/ID."""

    async def take(request: Request, request_id: str) -> Response:
        batch, store, received_ms = await edge.message(request, _DECODER), edge.store(), now_ms()
        events = [to_event(message, place, received_ms) for place, message in enumerate(batch.events)]
        accepted = await edge.write(store.events.append, events, received_ms)
        edge.service.metrics.observe_events(accepted, len(events) - accepted)
        return json_response(EventsTaken(accepted, len(events) - accepted))

    async def forget(request: Request, request_id: str) -> Response:
        user_id, store = request.path_params["user_id"], edge.store()
        only_parameters(request)
        if len(user_id) > MAX_ID_LENGTH:
            raise field_error("user_id", f"longer than {MAX_ID_LENGTH} characters")
        return json_response(ViewerForgotten(user_id, await edge.write(store.viewers.forget, user_id, now_ms())))

    return [edge.route("/v1/events", take, "POST"), edge.route("/v1/users/{user_id:any}", forget, "DELETE")]


def paths() -> Json:
    """Their part of the OpenAPI document."""
    take = {
        "summary": "Take events: durable when answered, and in the next answer to their viewer",
        "operationId": "events",
        "requestBody": body_of(EventBatch),
        "responses": responses(EventsTaken, 400, 413, 422, 503),
    }
    forget = {
        "summary": "Delete all that is kept of a viewer",
        "operationId": "forget",
        "parameters": [path_parameter("user_id")],
        "responses": responses(ViewerForgotten, 422, 503),
    }
    return {"/v1/events": {"post": take}, "/v1/users/{user_id}": {"delete": forget}}
