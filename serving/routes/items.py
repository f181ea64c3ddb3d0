"""Items put and deleted while serving: durable when answered, searched in the next request."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.assembly import now_ms
from serving.item_messages import ItemMessage, ItemStored
from serving.messages import MAX_ID_LENGTH
from serving.openapi import Json, body_of, item_id_parameter, responses
from serving.problems import field_error
from serving.routes.edge import Edge, json_response, only_parameters
from serving.service import UnknownItemError
from serving.store.item_journal import JournalEntry

MESSAGES = (ItemMessage, ItemStored)

_DECODER = msgspec.json.Decoder(ItemMessage)


def routes(edge: Edge) -> list[BaseRoute]:
    """PUT and DELETE /v1/items/ITEM."""

    async def keep(item_id: str, body: bytes | None) -> Response:
        await edge.write(edge.store().items.put, JournalEntry(item_id, body, now_ms()))
        return json_response(await edge.work(edge.service.item_stored, item_id))

    async def put(request: Request, request_id: str) -> Response:
        return await keep(_item_id(request), msgspec.json.encode(await edge.message(request, _DECODER)))

    async def delete(request: Request, request_id: str) -> Response:
        item_id = _item_id(request)
        current = await edge.work(edge.service.current)
        if current.recommender.state.items.row(item_id) is None:
            raise UnknownItemError(f"no item {item_id!r}; nothing to delete")
        return await keep(item_id, None)

    return [
        edge.route("/v1/items/{item_id:any}", put, "PUT"),
        edge.route("/v1/items/{item_id:any}", delete, "DELETE"),
    ]


def paths() -> Json:
    """Their part of the OpenAPI document."""
    put = {
        "summary": "Add an item or replace what is known of it; the next request finds it",
        "operationId": "put_item",
        "parameters": [item_id_parameter()],
        "requestBody": body_of(ItemMessage),
        "responses": responses(ItemStored, 400, 413, 422, 503),
    }
    delete = {
        "summary": "Never answer an item again, until it is put anew",
        "operationId": "delete_item",
        "parameters": [item_id_parameter()],
        "responses": responses(ItemStored, 404, 422, 503),
    }
    return {"/v1/items/{item_id}": {"put": put, "delete": delete}}


def _item_id(request: Request) -> str:
    only_parameters(request)
    item_id = str(request.path_params["item_id"])
    if not 1 <= len(item_id) <= MAX_ID_LENGTH:
        raise field_error("item_id", f"{len(item_id)} characters; give 1 to {MAX_ID_LENGTH}")
    return item_id
