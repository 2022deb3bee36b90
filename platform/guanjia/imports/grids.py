"""The grids of communities as a list: added, renamed and closed in one go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from guanjia.db.pools import Transaction
from guanjia.imports.columns import Column, Kind
from guanjia.imports.exports import PAGE_ROWS, Export, offer
from guanjia.imports.kinds import Change, Effect, Finding, ImportKind, Part, Place, Row, register
from guanjia.tenancy import grids
from guanjia.tenancy.models import REGION_REACH, GridKind, Level
from guanjia.tenancy.regions import lock_tree, rename_regions
from guanjia.tenancy.regiontree import DIGITS, MAX_NAME, code_problem, grid_kind

CODE_DIGITS = DIGITS[Level.GRID]
COMMUNITY_DIGITS = DIGITS[Level.COMMUNITY]
KIND_TITLES = {GridKind.BASIC: "基础网格", GridKind.DEDICATED: "专属网格"}
YES, NO = "是", "否"


def _code(text: str) -> str | None:
    return code_problem(Level.GRID, text)


def _name(text: str) -> str | None:
    return None if text.isprintable() else "网格名称含有不可见字符。"


COLUMNS = (
    Column(
        "code", "网格代码", Kind.CODE, ("网格编码", "网格编号"), required=True,
        digits=CODE_DIGITS, check=_code, example="350702004013001",
        note="社区代码 12 位加 3 位序号:001–899 为基础网格,901–999 为专属网格",
    ),
    Column(
        "name", "网格名称", Kind.TEXT, ("名称",), required=True, longest=MAX_NAME, check=_name,
        example="第一网格",
    ),
    Column(
        "community", "所属社区", Kind.CHOICE, ("社区", "所属社区(村)", "村(社区)"),
        required=True, example="西门桥社区 350702004013", note="须与网格代码的前 12 位相符",
    ),
    Column(
        "kind", "网格类别", Kind.CHOICE, ("类别",), choices=tuple(KIND_TITLES.values()),
        example="基础网格", note="可不填,由代码决定",
    ),
    Column(
        "closed", "停用", Kind.CHOICE, choices=(YES, NO), example=NO,
        note="填“是”则该网格自今日起停用;文件中没有的网格不受影响",
    ),
)  # fmt: skip


async def _choices(connection: Any, place: Place) -> Mapping[str, Sequence[str]]:
    """The communities of the scope, by name and code."""
    values: list[Any] = [place.tenant_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = place.scope.predicate(REGION_REACH, "r", "$1", bind)
    rows = await connection.fetch(
        "select r.name, r.code from regions r where r.tenant_id = $1 and r.valid_to is null"
        f" and r.level = 'COMMUNITY' and {reach} order by r.code",
        *values,
    )
    return {"community": [f"{row['name']} {row['code']}" for row in rows]}


async def _known(connection: Any, place: Place, rows: Sequence[Row]) -> dict[str, Any]:
    """The grids and communities of the rows' codes that are in force and in the scope."""
    codes = {code for row in rows for code in (row["code"], row["code"][:COMMUNITY_DIGITS])}
    found = await connection.fetch(
        "select id, code, name, level, path, version from regions"
        " where tenant_id = $1 and valid_to is null and code = any($2)",
        place.tenant_id,
        list(codes),
    )
    return {row["code"]: row for row in found if place.scope.covering(row["path"])}


async def _examine(connection: Any, place: Place, rows: Sequence[Row]) -> list[Finding]:
    known = await _known(connection, place, rows)
    return [_finding(row, known) for row in rows]


def _finding(row: Row, known: Mapping[str, Any]) -> Finding:
    code, name = row["code"], row["name"]
    community, grid = known.get(code[:COMMUNITY_DIGITS]), known.get(code)

    def wrong(column: str, sentence: str) -> Finding:
        return Finding(row.number, Change.PROBLEM, sentence, column)

    if community is None or community["level"] != Level.COMMUNITY:
        return wrong(
            "code", f"代码为 {code[:COMMUNITY_DIGITS]} 的社区不存在,或不在您的管辖范围内。"
        )
    if row["community"].rpartition(" ")[2] != community["code"]:
        return wrong("community", f"所属社区与网格代码不符:该代码属于{community['name']}。")
    title = KIND_TITLES[grid_kind(code)]
    if row["kind"] not in (None, title):
        return wrong("kind", f"网格类别与代码不符:序号 {code[-3:]} 是{title}。")
    if row["closed"] == YES:
        if grid is None:
            return wrong("closed", "该网格不存在或已停用,不能再停用。")
        return Finding(row.number, Change.REMOVED, f"停用网格“{grid['name']}”。")
    if grid is None:
        return Finding(row.number, Change.ADDED, f"新增{title}“{name}”。")
    if grid["name"] != name:
        return Finding(row.number, Change.CHANGED, f"网格名称:{grid['name']} → {name}。")
    return Finding(row.number, Change.UNCHANGED)


async def _apply(transaction: Transaction, place: Place, rows: Part, ready: None) -> list[Effect]:
    known = await _known(transaction.connection, place, [row for row, _ in rows])
    doing: dict[Change, list[Row]] = {change: [] for change in Change}
    for row, change in rows:
        doing[change].append(row)
    named = {row["code"]: row["name"] for row in doing[Change.ADDED]}
    made = await grids.make_grids(transaction, named, place.today) if named else {}
    effects = [Effect(row.number, made[row["code"]], Change.ADDED) for row in doing[Change.ADDED]]
    old = {
        row.number: known[row["code"]] for row in (*doing[Change.CHANGED], *doing[Change.REMOVED])
    }
    renamed = await rename_regions(
        transaction,
        [(old[row.number]["id"], row["name"]) for row in doing[Change.CHANGED]],
        place.today,
    )
    closed = await grids.close_grids(
        transaction, [old[row.number]["id"] for row in doing[Change.REMOVED]], place.today
    )
    versions = {**renamed, **closed}
    for change in (Change.CHANGED, Change.REMOVED):
        for row in doing[change]:
            grid = old[row.number]
            before = {"name": grid["name"], "version": versions[grid["id"]]}
            effects.append(Effect(row.number, grid["id"], change, before))
    return effects


async def _undo(transaction: Transaction, place: Place, effects: Sequence[Effect]) -> int:
    await grids.withdraw_grids(
        transaction,
        [effect.id for effect in effects if effect.change is Change.ADDED],
        place.today,
    )
    await grids.restore_grids(
        transaction,
        [
            (effect.id, effect.before["version"], effect.before["name"])
            for effect in effects
            if effect.change is not Change.ADDED
        ],
        place.today,
    )
    return 0


GRIDS = ImportKind(
    code="grids",
    title="网格",
    permission="region:manage",
    home="guanjia.imports.grids:GRIDS",
    columns=COLUMNS,
    key=("code",),
    examine=_examine,
    apply=_apply,
    undo=_undo,
    choices=_choices,
    prepare=lock_tree,
)
register(GRIDS)


async def _rows(connection: Any, place: Place) -> AsyncIterator[list[list[str | int | None]]]:
    """The grids of the scope by code."""
    after = ""
    while True:
        values: list[Any] = [place.tenant_id, after, PAGE_ROWS]

        def bind(value: Any, kind: str, values: list[Any] = values) -> str:
            values.append(value)
            return f"${len(values)}::{kind}"

        reach = place.scope.predicate(REGION_REACH, "r", "$1", bind)
        page = await connection.fetch(
            "select r.code, r.name, c.name as community, c.code as community_code, r.grid_kind"
            " from regions r join regions c on c.tenant_id = $1 and c.id = r.parent_id"
            " where r.tenant_id = $1 and r.level = 'GRID' and r.valid_to is null and r.code > $2"
            f" and {reach} order by r.code limit $3",
            *values,
        )
        if not page:
            return
        yield [
            [
                row["code"],
                row["name"],
                f"{row['community']} {row['community_code']}",
                KIND_TITLES[GridKind(row["grid_kind"])],
                NO,
            ]
            for row in page
        ]
        after = page[-1]["code"]


offer(
    Export(
        code="grids",
        title="网格",
        permission="region:export",
        columns=tuple((column.header, column.note or column.header) for column in COLUMNS),
        rows=_rows,
    )
)
