"""The four seats of a butler (小区管家)."""

from __future__ import annotations

from enum import StrEnum


class Seat(StrEnum):
    """小区管家的四个席位:社区党组织、业委会、物业党支部、楼栋网格员"""

    COMMUNITY_PARTY = "COMMUNITY_PARTY"
    OWNERS_COMMITTEE = "OWNERS_COMMITTEE"
    PROPERTY_PARTY = "PROPERTY_PARTY"
    BUILDING_GRID = "BUILDING_GRID"


SEAT_TITLES = {
    Seat.COMMUNITY_PARTY: "社区党组织",
    Seat.OWNERS_COMMITTEE: "业委会",
    Seat.PROPERTY_PARTY: "物业党支部",
    Seat.BUILDING_GRID: "楼栋网格员",
}
SEAT_DUTIES = {
    Seat.COMMUNITY_PARTY: "召集并主持议事,社区内派遣案件,吹哨报到",
    Seat.OWNERS_COMMITTEE: "收集业主意见并带入议事,监督物业服务合同,提请业主共同决定",
    Seat.PROPERTY_PARTY: "处置物业类案件,参加议事并答复,公开服务与收支",
    Seat.BUILDING_GRID: "入户走访,上报并跟进诉求,通知议事,关爱特殊群体",
}
"""In a sentence; the list in force (小区管家权责清单) says it item by item."""
APPOINTED = (Seat.COMMUNITY_PARTY, Seat.OWNERS_COMMITTEE, Seat.PROPERTY_PARTY)
"""Seats that somebody is appointed to. Who holds the fourth follows from grids and grants."""
SINGLE = (Seat.OWNERS_COMMITTEE, Seat.PROPERTY_PARTY)
"""Seats with one holder at a time."""
NEEDED = (Seat.COMMUNITY_PARTY, Seat.BUILDING_GRID)
"""Seats without a holder in which a butler is not active."""
