"""The list of homes and residents makes itself known: what comes in, and what goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from guanjia.compounds.homesheet.applying import ahead, apply, prepare
from guanjia.compounds.homesheet.columns import (
    COLUMNS,
    DERIVED,
    DOCUMENTS,
    NO,
    PROOFS,
    RELATIONS,
    SEXES,
    YES,
    Sift,
)
from guanjia.compounds.homesheet.examining import examine
from guanjia.compounds.homesheet.stored import compounds_of
from guanjia.compounds.homesheet.undoing import undo
from guanjia.compounds.models.estates import HOUSE_REACH
from guanjia.imports.exports import PAGE_ROWS, Export, offer
from guanjia.imports.kinds import ImportKind, Place, register

# The cipher columns are not read: what goes out is the masked form (domain §9.3).
_ROWS = """
select h.id as home, b.id as binding, h.compound_id, bu.name as building, h.unit, h.floor,
  h.room, h.area_dm2, h.estate_code, p.name_mask, p.sex, d.kind as document_kind,
  d.mask as number, f.mask as phone, b.relation, b.proof, b.valid_from,
  v.person_id is not null as voter
from (select x.* from house_units x where x.tenant_id = $1 and x.valid_to is null and x.id > $2
  and {reach} order by x.id limit $3) h
join buildings bu on bu.tenant_id = $1 and bu.id = h.building_id
left join house_bindings b on b.tenant_id = $1 and b.house_unit_id = h.id and b.valid_to is null
left join persons p on p.tenant_id = $1 and p.id = b.person_id
left join vote_holdings v on v.tenant_id = $1 and v.house_unit_id = h.id
  and v.person_id = b.person_id and v.ended_at is null
left join lateral (select kind, mask from person_documents where tenant_id = $1
  and person_id = p.id and kind <> 'DISABILITY_CARD' order by recorded_at, id limit 1) d on true
left join lateral (select mask from person_phones where tenant_id = $1 and person_id = p.id
  order by position, id limit 1) f on true
order by h.id, b.valid_from, b.id
"""
_HIDDEN = ("birth",)
"""Beside the masked number a day of birth would complete it."""


async def _choices(connection: Any, place: Place) -> Mapping[str, Sequence[str]]:
    """The compounds of the scope, and the names that their buildings have."""
    compounds = await compounds_of(connection, place)
    buildings = await connection.fetch(
        "select name from buildings where tenant_id = $1 and compound_id = any($2) and active"
        " group by name order by min(position), name",
        place.tenant_id,
        list(compounds.values()),
    )
    return {"compound": list(compounds), "building": [row["name"] for row in buildings]}


HOMES = ImportKind(
    code="homes",
    title="房屋与住户",
    permission="house:import",
    home="guanjia.compounds.homesheet.kind:HOMES",
    columns=COLUMNS,
    examine=examine,
    apply=apply,
    undo=undo,
    sift=Sift,
    derived=DERIVED,
    choices=_choices,
    prepare=prepare,
    ahead=ahead,
)
register(HOMES)


async def _rows(connection: Any, place: Place) -> AsyncIterator[list[list[str | int | None]]]:
    """The homes in force of the scope, a row for each of those bound to one; masked."""
    names = {found: name for name, found in (await compounds_of(connection, place)).items()}
    after: Any = "00000000-0000-0000-0000-000000000000"
    while True:
        values: list[Any] = [place.tenant_id, after, PAGE_ROWS]

        def bind(value: Any, kind: str, values: list[Any] = values) -> str:
            values.append(value)
            return f"${len(values)}::{kind}"

        reach = place.scope.predicate(HOUSE_REACH, "x", "$1", bind)
        page = await connection.fetch(_ROWS.format(reach=reach), *values)
        if not page:
            return
        yield [_cells(row, names) for row in page]
        after = page[-1]["home"]


def _cells(row: Any, compounds: Mapping[Any, str]) -> list[str | int | None]:
    area = row["area_dm2"]
    cells: dict[str, str | None] = {
        "compound": compounds.get(row["compound_id"]), "building": row["building"],
        "unit": row["unit"], "floor": str(row["floor"]), "room": row["room"],
        "area": None if area is None else f"{area // 100}.{area % 100:02}",
        "estate_code": row["estate_code"],
    }  # fmt: skip
    if row["binding"] is not None:
        cells |= {
            "name": row["name_mask"], "document_kind": _title(DOCUMENTS, row["document_kind"]),
            "number": row["number"], "phone": row["phone"], "sex": _title(SEXES, row["sex"]),
            "relation": _title(RELATIONS, row["relation"]),
            "proof": _title(PROOFS, row["proof"]) or "网格员入户验证码",
            "voter": YES if row["voter"] else NO, "since": row["valid_from"].isoformat(),
        }  # fmt: skip
    return [cells.get(column.name) for column in COLUMNS if column.name not in _HIDDEN]


def _title(titles: Mapping[str, Any], value: str | None) -> str | None:
    return next((title for title, known in titles.items() if known == value), None)


offer(
    Export(
        code="homes",
        title="房屋与住户",
        permission="house:export",
        columns=tuple(
            (column.header, column.note or column.header)
            for column in COLUMNS
            if column.name not in _HIDDEN
        ),
        rows=_rows,
    )
)
