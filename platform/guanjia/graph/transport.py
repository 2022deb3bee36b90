"""GraphQL over HTTP: which requests are one, in which form they are answered, with which status.

`application/graphql-response+json` tells refusals by status; `application/json` keeps 200 for
every well-formed request, as clients of that form expect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from guanjia.graph.errors import (
    BAD_USER_INPUT,
    CONFLICT,
    FORBIDDEN,
    INTERNAL,
    LIMIT_EXCEEDED,
    PASSWORD_CHANGE_REQUIRED,
    UNAUTHENTICATED,
    UNAVAILABLE,
)

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
STATUS = {
    UNAUTHENTICATED: 401, FORBIDDEN: 403, PASSWORD_CHANGE_REQUIRED: 403, CONFLICT: 409,
    INTERNAL: 500, UNAVAILABLE: 503,
}  # fmt: skip
MAX_BODY_BYTES = 1_000_000
LOCAL_PAGE = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
"""Where a frontend developer's own page comes from: allowed in development."""
KEPT = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_NAME = re.compile(r"[_A-Za-z]\w{0,63}", re.ASCII)
_OPERATION = re.compile(
    r"(?:[\s,]|#[^\n]*\n)*+(?:(query|mutation|subscription)\b\s*(\w{1,64})?|\{)", re.ASCII
)


@dataclass(frozen=True)
class NotAnOperation(Exception):
    """The request is not a GraphQL operation that can be answered."""

    status: int
    message: str
    code: str = BAD_USER_INPUT
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a GraphQL request."""

    query: str
    name: str | None
    variables: Any


@lru_cache(maxsize=256)
def form_of(accept: str) -> str | None:
    """The media type of the answer; None when the client takes neither."""
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weights[kind] = _weight(parameters)
    general = weights.get("*/*", weights.get("application/*", 0.0))
    if accept.strip() == "":
        general = 1.0
    plain, graphql = weights.get(JSON, general), weights.get(GRAPHQL_JSON, 0.0)
    if max(plain, graphql) <= 0:
        return None
    return GRAPHQL_JSON if graphql >= plain else JSON


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


@lru_cache(maxsize=256)
def is_json(content_type: str) -> bool:
    """Whether a body is JSON in UTF-8. A form of a foreign page can send neither this type nor
    any other that passes here, so a browser asks the server first."""
    kind, *parameters = (piece.strip() for piece in content_type.lower().split(";"))
    charsets = [p[len("charset=") :].strip('"') for p in parameters if p.startswith("charset=")]
    return kind == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def asked(method: str, headers: Mapping[str, str], allowed: str) -> None:
    """NotAnOperation unless this is a POST of JSON whose answer the client can take."""
    if method != "POST":
        raise NotAnOperation(405, "请以 POST 发送操作。", headers=((b"allow", allowed.encode()),))
    if form_of(headers.get("accept", "")) is None:
        raise NotAnOperation(406, f"回答的格式只有 {GRAPHQL_JSON} 和 {JSON}。")
    if not is_json(headers.get("content-type", "")):
        raise NotAnOperation(
            415, f"请求体须为 JSON(Content-Type: {JSON})。", headers=((b"accept", JSON.encode()),)
        )


def read(body: bytes) -> Asked:
    """The parameters in a request body; NotAnOperation with a sentence when it has none."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotAnOperation(400, "请求体不是有效的 JSON。") from None
    if type(data) is not dict or type(data.get("query")) is not str:
        raise NotAnOperation(400, "请求体须为一个 JSON 对象,其中 query 为文本。")
    name, variables = data.get("operationName"), data.get("variables")
    if name is not None and type(name) is not str:
        raise NotAnOperation(400, "operationName 须为文本。")
    if variables is not None and type(variables) is not dict:
        raise NotAnOperation(400, "variables 须为 JSON 对象。")
    if type(data.get("extensions", {})) not in (dict, type(None)):
        raise NotAnOperation(400, "extensions 须为 JSON 对象。")
    return Asked(data["query"], name, variables)


def too_large() -> NotAnOperation:
    size = MAX_BODY_BYTES // 1_000_000
    return NotAnOperation(413, f"请求过大,最多 {size} MB。", LIMIT_EXCEEDED)


def kind_and_name(query: str, chosen: str | None = None) -> tuple[str, str | None]:
    """What an operation calls itself, for the log: the chosen one of several, or the first."""
    if chosen is not None:
        if not _NAME.fullmatch(chosen):
            return "unknown", None
        found = re.search(rf"\b(query|mutation|subscription)\s+{chosen}\b", query)
        return (found[1], chosen) if found else ("unknown", chosen)
    found = _OPERATION.match(query)
    if found is None:
        return "unknown", None
    return found[1] or "query", found[2]


def refused(answer: Mapping[str, Any]) -> bool:
    """Whether nothing ran: such an answer has no `data` at all."""
    errors = answer.get("errors") or ()
    return answer.get("data") is None and bool(errors) and all("path" not in e for e in errors)


def status_of(form: str, code: str) -> int:
    """The status of an operation that was refused as a whole."""
    return STATUS.get(code, 400) if form == GRAPHQL_JSON else 200


def error(code: str, message: str, request_id: str | None = None) -> bytes:
    """The body of a refusal as a whole."""
    extensions = {"code": code} | ({"requestId": request_id} if request_id else {})
    return orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
