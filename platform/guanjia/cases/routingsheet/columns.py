"""The columns of a routing table, and the words in its drop-downs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guanjia.cases.models import CATEGORY_REACH
from guanjia.cases.reasons import LEVEL_TITLES, Level
from guanjia.cases.routing import BASIS_TITLES, KIND_TITLES, PARTY_TITLES, ROLE_TITLES
from guanjia.graph.texts import LINE_LENGTH
from guanjia.imports.columns import Column, Kind
from guanjia.imports.kinds import Place
from guanjia.tenancy.models import REGION_REACH

ANY_LEVEL = "各层级"
MOST_ROWS = 10_000
LEVELS: Mapping[str, Level | None] = {
    ANY_LEVEL: None,
    **{f"{title}案件": level for level, title in LEVEL_TITLES.items()},
}

COLUMNS = (
    Column(
        "category", "案件类别", Kind.CHOICE, ("类别",), required=True, example="C01-01 井盖缺失破损"
    ),
    Column(
        "region", "区域", Kind.CHOICE, ("适用区域",), required=True, example="延平区 350702",
        note="该区域及其以下;越具体的区域越优先",
    ),
    Column(
        "basis", "属主属地", Kind.CHOICE, choices=tuple(BASIS_TITLES.values()), required=True,
        example="属主", note="部件先属主后属地,事件先属地后属主",
    ),
    Column(
        "role", "主办协办", Kind.CHOICE, choices=tuple(ROLE_TITLES.values()), required=True,
        example="主办",
    ),
    Column(
        "level", "适用层级", Kind.CHOICE, choices=tuple(LEVELS), example=ANY_LEVEL,
        note="只用于该层级负责的案件;不填即各层级",
    ),
    Column(
        "unit", "单位", Kind.CHOICE, ("承办单位",), required=True, example="市政局",
        note="一个单位,或按地点确定的单位;换单位时请在新的一行填接替的单位和生效日期",
    ),
    Column(
        "since", "生效日期", Kind.DATE, example="2027-01-01",
        note="自何日起;新增的必填,不早于今天,接替原单位的不早于明天",
    ),
    Column(
        "until", "失效日期", Kind.DATE,
        note="自何日起不再有效;不填即长期。在原有的一行填写即为终止,不早于明天",
    ),
    Column(
        "source", "设定依据", Kind.TEXT, ("依据",), required=True, longest=LINE_LENGTH,
        example="区政府办〔文号〕",
    ),
    Column("reason", "终止理由", Kind.TEXT, ("理由",), longest=LINE_LENGTH, note="终止时必填"),
)  # fmt: skip

# Of grids only those that have a row of their own: a district has hundreds.
_REGIONS = (
    "select r.id, r.path, r.name, r.code from regions r where r.tenant_id = $1"
    " and r.valid_to is null and (r.level <> 'GRID' or exists (select 1 from case_routings t"
    " where t.tenant_id = $1 and t.region_id = r.id)) and {reach} order by r.path"
)
_CATEGORIES = (
    "select c.id, c.code, c.name from case_categories c where c.tenant_id = $1 and c.active"
    " and {reach} order by c.code"
)
_UNITS = (
    "select o.id, o.name, o.kind, r.name as region from organisations o join regions r"
    " on r.tenant_id = $1 and r.id = o.region_id where o.tenant_id = $1 and o.active"
    " order by array_position(array['DEPARTMENT', 'STREET_OFFICE', 'COMMUNITY',"
    " 'PROPERTY_COMPANY', 'EXTERNAL_PARTY'], o.kind), o.region_path, o.name"
)


@dataclass(frozen=True, slots=True)
class Words:
    """What each word in a drop-down means: the row of a category, a region, an organisation."""

    categories: Mapping[str, Any]
    regions: Mapping[str, Any]
    units: Mapping[str, Any]


async def words(connection: Any, place: Place) -> Words:
    """The words of the tenant, in the order in which they are offered."""
    categories = await _within(connection, place, _CATEGORIES, CATEGORY_REACH, "c")
    regions = await _within(connection, place, _REGIONS, REGION_REACH, "r")
    units = await connection.fetch(_UNITS, place.tenant_id)
    return Words(
        {f"{row['code']} {row['name']}": row for row in categories},
        {f"{row['name']} {row['code']}": row for row in regions},
        {label: row for row, label in zip(units, _labels(units), strict=True)},
    )


async def _within(
    connection: Any, place: Place, sql: str, reach: Any, alias: str
) -> Sequence[Mapping[str, Any]]:
    values: list[Any] = [place.tenant_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    predicate = place.scope.predicate(reach, alias, "$1", bind)
    rows: Sequence[Mapping[str, Any]] = await connection.fetch(sql.format(reach=predicate), *values)
    return rows


def _labels(units: Iterable[Mapping[str, Any]]) -> list[str]:
    """The name alone where one organisation has it and no kind is called so."""
    units = list(units)
    names = Counter(row["name"] for row in units)
    names.update(PARTY_TITLES.values())
    return [
        row["name"]
        if names[row["name"]] == 1
        else f"{row['name']}({row['region']}{KIND_TITLES[row['kind']]})"
        for row in units
    ]


async def choices(connection: Any, place: Place) -> Mapping[str, Sequence[str]]:
    found = await words(connection, place)
    return {
        "category": list(found.categories),
        "region": list(found.regions),
        "unit": [*PARTY_TITLES.values(), *found.units],
    }
