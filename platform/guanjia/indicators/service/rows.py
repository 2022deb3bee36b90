"""The rows behind a figure, and their hash: by it a printed number can be checked later."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.statements import (
    Piece,
    hash_statement,
    rows_statement,
    values,
)
from guanjia.reading.metrics import Dimension, MetricDefinition, Shape


class Part(StrEnum):
    """分母的行、全部计入分子的行、未全部计入分子的行"""

    DENOMINATOR = "DENOMINATOR"
    NUMERATOR = "NUMERATOR"
    REMAINDER = "REMAINDER"


async def counted_rows(
    connection: Any, asked: Asked, metric: MetricDefinition, window: Window
) -> Sequence[Any]:
    """Each counted row's id with what it adds to denominator (d) and numerator (n), by id."""
    rows: Sequence[Any] = await connection.fetch(
        rows_statement(asked, metric), *values(asked, [_whole(metric, window)])
    )
    return rows


async def total_hash(
    connection: Any,
    asked: Asked,
    metric: MetricDefinition,
    window: Window,
    by: Dimension | None,
) -> str | None:
    """The hash of the rows of a total that is parted so; None by organisation, where the total
    leaves out what no such organisation handles."""
    if by in (Dimension.DEPARTMENT, Dimension.COMPANY):
        return None
    return await hash_of(connection, asked, metric, window)


async def hash_of(connection: Any, asked: Asked, metric: MetricDefinition, window: Window) -> str:
    """SHA-256 over the lines `id denominator numerator` of all counted rows, by id."""
    found: str = await connection.fetchval(
        hash_statement(asked, metric), *values(asked, [_whole(metric, window)])
    )
    return found


def _whole(metric: MetricDefinition, window: Window) -> Piece:
    return Piece([metric], 0, window.period.start, window.until, window.known)


def ids_of(rows: Sequence[Any], part: Part, shape: Shape) -> list[UUID]:
    """The rows of a part: all, those that satisfy, those that do not (or not wholly). Of a mean
    or a score every row is part of both sides."""
    if shape not in (Shape.RATE, Shape.COUNT):
        return [] if part is Part.REMAINDER else list(dict.fromkeys(row["id"] for row in rows))
    match part:
        case Part.NUMERATOR:
            return [row["id"] for row in rows if row["n"] == row["d"]]
        case Part.REMAINDER:
            return [row["id"] for row in rows if row["n"] < row["d"]]
    return [row["id"] for row in rows]
