"""The place of a case in the form it is compared: near in metres, alike in words."""

from __future__ import annotations

from guanjia.compounds.points import EARTH_METRES
from guanjia.reading.conditions import normal


def place_key(location: str) -> str:
    """The place in words without blanks, width or case: equal for the same place written alike."""
    return "".join(normal(location).split())


def metres_between(row: str, longitude: str, latitude: str) -> str:
    """SQL: the great-circle distance (haversine) from the row's place to a point."""
    half_north = f"radians({row}.latitude - {latitude}) / 2"
    half_east = f"radians({row}.longitude - {longitude}) / 2"
    across = f"cos(radians({row}.latitude)) * cos(radians({latitude})) * sin({half_east}) ^ 2"
    return f"{2 * EARTH_METRES} * asin(sqrt(sin({half_north}) ^ 2 + {across}))"
