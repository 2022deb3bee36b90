"""Compounds come to be, change and close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.boundaries import boundary, corners
from guanjia.compounds.models import ManagementMode
from guanjia.compounds.models.estates import COMPOUND_REACH
from guanjia.compounds.service.butlers import end_seats
from guanjia.compounds.service.opening import open_row, record_write, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line
from guanjia.reading.conditions import grams, normal
from guanjia.tenancy.dependents import hanging_on

NAME_LENGTH = 60
LARGEST = 2_000_000_000
CHANGEABLE = frozenset(
    {"name", "address", "management_mode", "household_count", "area_m2", "boundary"}
)


async def create_compound(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    region_id: UUID,
    name: str,
    management_mode: ManagementMode,
    described: Mapping[str, Any],
) -> UUID:
    """The compound lies in a community in scope; its id. `described` holds what else is known, by
    the names of CHANGEABLE."""
    path = await _community(transaction, scope, region_id)
    values = _values({"name": name, "management_mode": management_mode, **described})
    await _refuse_twin(transaction, region_id, values["name"])
    compound_id = new_id()
    values |= {
        "id": compound_id,
        "region_id": region_id,
        "region_path": path,
        "search_text": _search_text(values["name"], values.get("address", "")),
    }
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await transaction.connection.execute(
        f"insert into compounds ({', '.join(values)}) values ({places})", *values.values()
    )
    await _index(transaction, compound_id, values["search_text"])
    await record_write(
        transaction, actor, scope, "compound.create", compound_id, path, mode=management_mode
    )
    return compound_id


async def change_compound(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    changes: Mapping[str, Any],
) -> None:
    """What `changes` names (of CHANGEABLE) is as it says and everything else as before."""
    compound = await _open(transaction, scope, id, version)
    values = _values(changes)
    name, address = (values.get(part, compound[part]) for part in ("name", "address"))
    if name != compound["name"]:
        await _refuse_twin(transaction, compound["region_id"], name)
    values["search_text"] = _search_text(name, address)
    await store(transaction, "compounds", id, values)
    if values["search_text"] != compound["search_text"]:
        await _index(transaction, id, values["search_text"])
    await record_write(
        transaction, actor, scope, "compound.change", id, compound["region_path"],
        fields=sorted(changes),
    )  # fmt: skip


async def close_compound(
    transaction: Transaction, actor: Actor, scope: Scope, *, id: UUID, version: int
) -> None:
    """The compound is no longer active and nobody holds a seat of its butler; what happened in it
    stays. CONFLICT while it has buildings that are active, or something else still hangs on it."""
    compound = await _open(transaction, scope, id, version)
    standing = await transaction.connection.fetchval(
        "select count(*) from buildings where tenant_id = $1 and compound_id = $2 and active",
        transaction.tenant_id,
        id,
    )
    if standing:
        raise Refusal(CONFLICT, f"该小区还有 {standing} 幢有效的楼栋,请先关闭楼栋。", ("id",))
    hanging = await hanging_on(transaction, "compounds", id)
    if hanging:
        raise Refusal(CONFLICT, f"该小区还有{'、'.join(hanging)},请先了结。", ("id",))
    await store(transaction, "compounds", id, {"active": False})
    await end_seats(transaction, id)
    await record_write(transaction, actor, scope, "compound.close", id, compound["region_path"])


async def _open(transaction: Transaction, scope: Scope, id: UUID, version: int) -> Any:
    compound = await open_row(
        transaction, scope, "compounds", COMPOUND_REACH, id, "小区", version=version
    )
    if not compound["active"]:
        raise Refusal(CONFLICT, "该小区已关闭,不能再修改。", ("id",))
    return compound


async def _community(transaction: Transaction, scope: Scope, region_id: UUID) -> str:
    region = await transaction.connection.fetchrow(
        "select path, level from regions where tenant_id = $1 and id = $2 and valid_to is null",
        transaction.tenant_id,
        region_id,
    )
    if region is None or not scope.covering(region["path"]):
        raise not_found("区域", "regionId")
    if region["level"] != "COMMUNITY":
        raise Refusal(BAD_USER_INPUT, "小区须建在社区(村)之内。", ("regionId",))
    path: str = region["path"]
    return path


async def _refuse_twin(transaction: Transaction, region_id: UUID, name: str) -> None:
    # Two who register the same name at once wait for each other here.
    await transaction.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 23))", f"{region_id}:{name}"
    )
    if await transaction.connection.fetchval(
        "select exists (select 1 from compounds where tenant_id = $1 and region_id = $2"
        " and name = $3 and active)",
        transaction.tenant_id,
        region_id,
        name,
    ):
        raise Refusal(CONFLICT, f"该社区已有小区“{name}”。", ("name",))


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of what is given, checked."""
    assert set(given) <= CHANGEABLE
    values: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "name":
                values[name] = line(value or "", "小区名称", "name", NAME_LENGTH)
                if not values[name]:
                    raise Refusal(BAD_USER_INPUT, "请填写小区名称。", ("name",))
            case "address":
                values[name] = line(value or "", "地址", "address")
            case "management_mode":
                if value is None:
                    raise Refusal(BAD_USER_INPUT, "请选择管理方式。", ("managementMode",))
                values[name] = value
            case "household_count":
                values[name] = _number(value, 1, "户数", "householdCount")
            case "area_m2":
                values[name] = _number(value, 1, "建筑面积", "areaM2")
            case "boundary":
                found = None if value is None else boundary(value)
                values["boundary"] = found.document if found else None
                values |= zip(("west", "south", "east", "north"), corners(found), strict=True)
    return values


def _number(value: int | None, least: int, label: str, field: str) -> int | None:
    if value is not None and not least <= value <= LARGEST:
        raise Refusal(BAD_USER_INPUT, f"{label}须为不小于 {least} 的整数。", (field,))
    return value


def _search_text(name: str, address: str) -> str:
    return normal(f"{name} {address}")


async def _index(transaction: Transaction, compound_id: UUID, search_text: str) -> None:
    """The compound is found by its name and address, and no longer by older ones."""
    await transaction.connection.execute(
        "delete from compound_grams where tenant_id = $1 and compound_id = $2",
        transaction.tenant_id,
        compound_id,
    )
    await transaction.connection.execute(
        "insert into compound_grams (gram, compound_id) select u.gram, $2"
        " from unnest($1::text[]) u(gram)",
        grams(search_text),
        compound_id,
    )
