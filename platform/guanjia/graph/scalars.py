"""Scalars in one canonical form, the same from the database and from Python."""

import datetime as dt
import re
from typing import Any, NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

Money = NewType("Money", int)
"""人民币金额,单位分 (fen) inside, a yuan string with two decimals in the API."""

Degrees = NewType("Degrees", float)
"""经度或纬度 (WGS-84) in degrees; whole ones are written without decimals, as the database does."""

Percent = NewType("Percent", float)
"""百分数, with at most two decimals; whole ones are written without decimals."""

GeoJson = NewType("GeoJson", dict)
"""A GeoJSON geometry: stored as text, an object in the API."""

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_YUAN = re.compile(r"-?\d{1,15}(\.\d{1,2})?")


def time_text(moment: dt.datetime) -> str:
    """An instant as PostgreSQL prints it in JSON under UTC: no trailing zeros, offset +00:00."""
    moment = moment.astimezone(dt.UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return text + "+00:00"


def parse_time(value: Any) -> dt.datetime:
    if not isinstance(value, str):
        raise ValueError("时间须为 ISO 8601 文本,例如 2026-09-18T16:30:00+08:00。")
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("时间格式不正确,例如 2026-09-18T16:30:00+08:00。") from None
    if moment.tzinfo is None:
        raise ValueError("时间缺少时区,例如 +08:00。")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("时间超出可表示的范围。") from None


def parse_clock(value: Any) -> dt.time:
    """An hour and its minutes, without a zone."""
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("时间须为几时几分,例如 15:00。")
    return dt.time.fromisoformat(value)


def parse_date(value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("日期格式不正确,例如 2026-09-18。") from None


def parse_degrees(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -180 <= value <= 180:
        raise ValueError("经纬度须为 -180 到 180 之间的数,例如 118.178406。")
    return float(value)


def parse_percent(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError("百分数须为 0 到 100 之间的数,例如 98.74。")
    return float(value)


def yuan(fen: int) -> str:
    """Fen as a yuan text: 1234 is '12.34'."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"


def parse_yuan(value: Any) -> int:
    """A yuan text as fen; never through a float."""
    if not isinstance(value, str) or not _YUAN.fullmatch(value):
        raise ValueError('金额须为元的文本,最多两位小数,例如 "1110.00"。')
    sign = -1 if value.startswith("-") else 1
    whole, _, part = value.lstrip("-").partition(".")
    return sign * (int(whole) * 100 + int(part.ljust(2, "0") or 0))


def geometry(stored: Any) -> Any:
    """The object that a stored geometry is."""
    return orjson.loads(stored) if isinstance(stored, str | bytes) else stored


SCALARS: dict[object, ScalarDefinition] = {
    dt.datetime: strawberry.scalar(
        name="DateTime",
        description="UTC 时间,ISO 8601,例如 2026-09-18T08:30:00+00:00",
        serialize=time_text,
        parse_value=parse_time,
    ),
    dt.date: strawberry.scalar(
        name="Date",
        description="日期(Asia/Shanghai),例如 2026-09-18",
        serialize=lambda day: day.isoformat(),
        parse_value=parse_date,
    ),
    dt.time: strawberry.scalar(
        name="Time",
        description="几时几分(Asia/Shanghai),例如 15:00",
        serialize=lambda clock: clock.isoformat("minutes"),
        parse_value=parse_clock,
    ),
    Degrees: strawberry.scalar(
        name="Degrees",
        description="经度或纬度,度(WGS-84),六位小数以内的数,例如 118.178406",
        serialize=lambda value: int(value) if value == int(value) else value,
        parse_value=parse_degrees,
    ),
    Percent: strawberry.scalar(
        name="Percent",
        description="百分数,两位小数以内,例如 98.74",
        serialize=lambda value: int(value) if value == int(value) else float(value),
        parse_value=parse_percent,
    ),
    Money: strawberry.scalar(
        name="Money",
        description='金额,单位元,两位小数的文本,例如 "1110.00"',
        serialize=yuan,
        parse_value=parse_yuan,
    ),
    GeoJson: strawberry.scalar(
        name="GeoJson",
        description="GeoJSON 几何(Polygon、MultiPolygon),WGS-84,经度在前",
        serialize=geometry,
        parse_value=lambda given: given,
    ),
}
