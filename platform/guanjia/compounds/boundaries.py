"""The outline of a compound: GeoJSON in WGS-84, checked before it is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from shapely import MultiPolygon, Point, Polygon, from_geojson, is_valid_reason
from shapely.errors import ShapelyError

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

MOST_POINTS = 5_000
WEST, SOUTH, EAST, NORTH = 73.0, 3.0, 136.0, 54.0
"""What China's territory lies within, in degrees; swapped or other coordinates lie outside."""
SMALLEST_M2, LARGEST_M2 = 100.0, 50_000_000.0
_METRES_A_DEGREE = 111_320.0
_DIGITS = 7
"""Decimal places kept: about a centimetre."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A right outline: its document and the rectangle around it (west, south, east, north)."""

    document: str
    box: tuple[float, float, float, float]


def boundary(given: Any) -> Boundary:
    """The outline, with its rings closed; Refusal with the place of what is wrong."""
    if not isinstance(given, Mapping) or given.get("type") not in ("Polygon", "MultiPolygon"):
        raise _refused("边界须为 GeoJSON 的 Polygon 或 MultiPolygon(WGS-84 坐标)。")
    single = given["type"] == "Polygon"
    coordinates = given.get("coordinates")
    polygons = [_rings(part) for part in ([coordinates] if single else _list(coordinates))]
    if not polygons:
        raise _refused("边界中没有坐标。")
    points = sum(len(ring) for rings in polygons for ring in rings)
    if points > MOST_POINTS:
        raise _refused(f"边界最多 {MOST_POINTS} 个点,现有 {points} 个,请先简化。")
    shape = _shape(polygons)
    area = _square_metres(shape)
    if not SMALLEST_M2 <= area <= LARGEST_M2:
        raise _refused(f"边界面积约 {area:.0f} 平方米,不像一个小区,请核对坐标。")
    document = {"type": given["type"], "coordinates": polygons[0] if single else polygons}
    return Boundary(orjson.dumps(document).decode(), shape.bounds)


def _rings(given: Any) -> list[list[list[float]]]:
    rings = [_ring(ring) for ring in _list(given)]
    if not rings:
        raise _refused("边界中没有坐标。")
    return rings


def _ring(given: Any) -> list[list[float]]:
    points = [_point(point) for point in _list(given)]
    if points and points[0] != points[-1]:
        points.append(points[0])
    if len(points) < 4:
        raise _refused("边界的每一圈至少要有三个不同的点。")
    return points


def _point(given: Any) -> list[float]:
    right = isinstance(given, list) and len(given) in (2, 3)
    if not right or not all(
        type(value) in (int, float) and math.isfinite(value) for value in given
    ):
        raise _refused("边界的每个点须为 [经度, 纬度]。")
    longitude, latitude = (round(float(value), _DIGITS) for value in given[:2])
    if not (WEST <= longitude <= EAST and SOUTH <= latitude <= NORTH):
        raise _refused(
            f"点 [{longitude}, {latitude}] 不在中国范围内;坐标须为 WGS-84,经度在前、纬度在后。"
        )
    return [longitude, latitude]


def _list(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise _refused("边界的坐标格式不正确。")
    return given


def _shape(polygons: list[list[list[list[float]]]]) -> Polygon | MultiPolygon:
    try:
        parts = [Polygon(rings[0], rings[1:]) for rings in polygons]
        shape = parts[0] if len(parts) == 1 else MultiPolygon(parts)
        reason = is_valid_reason(shape)
    except (ShapelyError, ValueError):
        raise _refused("边界的坐标不构成多边形。") from None
    if shape.is_valid:
        return shape
    fault, _, place = reason.rstrip("]").partition("[")
    crossing = "elf-intersection" in fault
    said = "边界自相交或各部分重叠" if crossing else "边界的内圈不在外圈之内,或嵌套错误"
    raise _refused(f"{said},位置约在 [{', '.join(place.split())}],请修改后再试。")


def _square_metres(shape: Polygon | MultiPolygon) -> float:
    """About the area: degrees of longitude shrink with the latitude."""
    _, south, _, north = shape.bounds
    across = _METRES_A_DEGREE * math.cos(math.radians((south + north) / 2))
    area: float = shape.area * across * _METRES_A_DEGREE
    return area


def corners(found: Boundary | None) -> Iterator[float | None]:
    """The values of west, south, east and north."""
    yield from found.box if found else (None,) * 4


def encloses(document: str, longitude: float, latitude: float) -> bool:
    """Whether a place lies in a kept outline or on its edge."""
    return bool(from_geojson(document).covers(Point(longitude, latitude)))


def _refused(message: str) -> Refusal:
    return Refusal(BAD_USER_INPUT, message, ("boundary",))
