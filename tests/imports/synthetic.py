"""A kind of twelve columns for tests and benchmarks: parties, with numbers that are protected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.references import referring
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.imports.columns import Column, Kind
from guanjia.imports.kinds import Change, Effect, Finding, ImportKind, Part, Place, Row

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def check_character(seventeen: str) -> str:
    total = sum(int(d) * w for d, w in zip(seventeen, _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def _number(text: str) -> str | None:
    if len(text) != 18 or not text[:17].isdigit():
        return "证件号码应为 18 位。"
    if check_character(text[:17]) != text[17].upper():
        return "证件号码的校验码不对,请核对。"
    return None


COLUMNS = (
    Column("name", "名称", required=True, longest=60),
    Column("community", "社区代码", Kind.CODE, required=True, digits=12),
    Column("number", "证件号码", Kind.CODE, ("身份证号",), check=_number, protected=True),
    Column("phone", "电话", Kind.CODE, digits=11, protected=True),
    Column("born", "出生日期", Kind.DATE),
    Column("sex", "性别", Kind.CHOICE, choices=("男", "女")),
    Column("floor", "楼层", Kind.INTEGER),
    Column("building", "楼栋"),
    Column("unit", "单元"),
    Column("home", "房号"),
    Column("relation", "与户主关系"),
    Column("note", "备注"),
)


async def _examine(connection: Any, place: Place, rows: Sequence[Row]) -> list[Finding]:
    codes = await _communities(connection, place, rows)
    known = await connection.fetch(
        "select name from organisations where tenant_id = $1 and kind = 'EXTERNAL_PARTY'"
        " and name = any($2)",
        place.tenant_id,
        [row["name"] for row in rows],
    )
    names = {row["name"] for row in known}
    found = []
    for row in rows:
        if row["community"] not in codes:
            found.append(Finding(row.number, Change.PROBLEM, "社区不存在。", "community"))
        elif row["name"] in names:
            found.append(Finding(row.number, Change.UNCHANGED))
        else:
            found.append(Finding(row.number, Change.ADDED, f"新增“{row['name']}”。"))
    return found


async def _communities(connection: Any, place: Place, rows: Sequence[Row]) -> Mapping[str, Any]:
    found = await connection.fetch(
        "select id, code, path from regions where tenant_id = $1 and valid_to is null"
        " and level = 'COMMUNITY' and code = any($2)",
        place.tenant_id,
        list({row["community"] for row in rows}),
    )
    return {row["code"]: row for row in found if place.scope.covering(row["path"])}


async def _apply(transaction: Transaction, place: Place, rows: Part, ready: None) -> list[Effect]:
    regions = await _communities(transaction.connection, place, [row for row, _ in rows])
    made = [(new_id(), row) for row, _ in rows]
    await transaction.connection.execute(
        "insert into organisations (id, kind, name, region_id, region_path)"
        " select i, 'EXTERNAL_PARTY', n, r, p"
        " from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) u(i, n, r, p)",
        [party for party, _ in made],
        [row["name"] for _, row in made],
        [regions[row["community"]]["id"] for _, row in made],
        [regions[row["community"]]["path"] for _, row in made],
    )
    return [Effect(row.number, party, Change.ADDED) for party, row in made]


async def _undo(transaction: Transaction, place: Place, effects: Sequence[Effect]) -> int:
    ids = [effect.id for effect in effects]
    if await referring(transaction.connection, "organisations", ids):
        raise Refusal(CONFLICT, "其中有的已被使用,不能撤销。")
    await transaction.connection.execute(
        "update organisations set active = false, version = version + 1 where id = any($1)", ids
    )
    return 0


PARTIES = ImportKind(
    code="parties",
    title="测试单位",
    permission="organisation:manage",
    home="tests.imports.synthetic:PARTIES",
    columns=COLUMNS,
    key=("name",),
    examine=_examine,
    apply=_apply,
    undo=_undo,
)


def people(count: int, community: str, wrong_every: int = 0) -> list[list[Any]]:
    """Rows of synthetic people with numbers of the reserved block (domain §2.1)."""
    rows = []
    for n in range(count):
        year, month, day = 1950 + n % 60, 1 + n % 12, 1 + n % 28
        stem = f"990101{year}{month:02}{day:02}{996 + n % 4}"
        number = stem + check_character(stem)
        if wrong_every and n % wrong_every == 0:
            number = stem + ("1" if number[-1] != "1" else "2")
        who = [f"测试{n}", community, number, f"139{n:08}", f"{year}-{month:02}-{day:02}"]
        home = [n % 33, f"{n % 40}栋", f"{n % 4}单元", f"{n % 900}室", "本人", ""]
        rows.append([*who, "男" if n % 2 else "女", *home])
    return rows
