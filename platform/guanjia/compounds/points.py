"""A point on the map: WGS-84 coordinates that can lie in China."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

EARTH_METRES = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""
METRES_PER_DEGREE = radians(1) * EARTH_METRES
DIGITS = 6
"""Decimals of a degree that are kept: a tenth of a metre."""
LONGITUDES = (73.0, 136.0)
LATITUDES = (3.0, 54.0)
"""Where a place in China can lie, roughly: enough to notice exchanged or foreign coordinates."""


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees east and north, WGS-84."""

    longitude: float
    latitude: float

    def around(self, metres: float) -> tuple[float, float, float, float]:
        """West, east, south and north of the smallest box that holds the circle."""
        north = metres / METRES_PER_DEGREE
        east = north / cos(radians(abs(self.latitude) + north))
        return (
            self.longitude - east,
            self.longitude + east,
            self.latitude - north,
            self.latitude + north,
        )


def point(longitude: float | None, latitude: float | None) -> Point | None:
    """Both coordinates or none; Refusal when one is missing or lies outside China."""
    if longitude is None and latitude is None:
        return None
    for value, (least, most), label, name in (
        (longitude, LONGITUDES, "经度", "longitude"),
        (latitude, LATITUDES, "纬度", "latitude"),
    ):
        if value is None:
            raise Refusal(BAD_USER_INPUT, "经度和纬度须一起填写。", (name,))
        if not least <= value <= most:
            raise Refusal(
                BAD_USER_INPUT,
                f"{label}须在{least:.0f}到{most:.0f}度之间(WGS-84,请勿填反经纬度)。",
                (name,),
            )
    assert longitude is not None
    assert latitude is not None
    return Point(round(longitude, DIGITS), round(latitude, DIGITS))
