"""The census (摸底) as a workbook: a row for each compound of whoever takes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any

from guanjia.compounds.models.estates import ManagementMode
from guanjia.compounds.service.census import Census, CensusCompound, Gap, census_at
from guanjia.imports.exports import PAGE_ROWS, Export, offer
from guanjia.imports.kinds import Place

MODES = {
    ManagementMode.PROPERTY_COMPANY: "物业公司",
    ManagementMode.SELF_MANAGED: "业主自管",
    ManagementMode.COMMUNITY_FALLBACK: "社区兜底",
}
GAPS = {
    Gap.NO_COMPANY: "无物业公司",
    Gap.NO_COMMITTEE: "无业主委员会",
    Gap.NO_BRANCH: "无党支部覆盖",
}
COLUMNS = (
    ("社区代码", "统计用区划代码,12 位"),
    ("社区", "小区所在社区;没有小区的社区也列一行"),
    ("小区", "名称"),
    ("管理方式", "物业公司、业主自管、社区兜底"),
    ("户数", "户;登记的户数,未登记的按房屋计"),
    ("建筑面积", "平方米;未登记时为空"),
    ("物业公司", "导出当日合同有效的公司;没有时为空"),
    ("统一社会信用代码", "GB 32100"),
    ("资质", "公司登记的资质"),
    ("合同首日", "物业服务合同的首日"),
    ("合同末日", "末日(含);未定止期时为空"),
    ("公司党员", "人;公司登记的党员人数,服务多个小区的公司每行相同,不可相加"),
    ("业主委员会任期至", "在任一届的末日(含);没有时为空"),
    ("党支部", "覆盖该小区的党支部:小区的、物业公司的、网格的"),
    ("缺项", "无物业公司、无业主委员会、无党支部覆盖"),
)


async def _rows(
    connection: Any, place: Place
) -> AsyncIterator[Sequence[Sequence[str | int | None]]]:
    """The compounds of the scope as they are today, by community and name."""
    for path in place.scope.paths:
        rows = _listed(await census_at(connection, place.tenant_id, path, place.today))
        for first in range(0, len(rows), PAGE_ROWS):
            yield rows[first : first + PAGE_ROWS]


def _listed(census: Census) -> list[list[str | int | None]]:
    listed: list[list[str | int | None]] = []
    for community, compounds, _ in census.by_community():
        head: list[str | int | None] = [community["code"], community["name"]]
        listed += [[*head, *_cells(compound)] for compound in compounds]
        if not compounds:
            listed.append([*head, *[None] * (len(COLUMNS) - len(head))])
    return listed


def _cells(compound: CensusCompound) -> list[str | int | None]:
    row = compound.row
    return [
        row["name"],
        MODES[ManagementMode(row["management_mode"])],
        compound.households,
        row["area_m2"],
        row["company"],
        row["credit_code"],
        row["qualification"],
        _day(row["starts_on"]),
        _day(row["ends_on"]),
        row["party_members"],
        _day(row["committee_until"]),
        "、".join(compound.branches),
        "、".join(GAPS[gap] for gap in compound.gaps),
    ]


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None


CENSUS = Export(
    code="property-census",
    title="物业摸底",
    permission="census:export",
    columns=COLUMNS,
    rows=_rows,
)
offer(CENSUS)
