"""What happens around the steps: protected cells, killed servers, progress, limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.imports.conftest import done, settled, stepped, when_settled, workbook
from tests.imports.synthetic import COLUMNS, PARTIES, people

from guanjia.db import seals
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.imports import kinds, staging
from guanjia.imports.running import Runner
from guanjia.people.rotation import rotate
from guanjia.people.vault import vault_of

HEADERS = [column.header for column in COLUMNS]


@pytest.fixture
def parties() -> Iterator[None]:
    """The synthetic kind, for as long as a test runs."""
    kinds.register(PARTIES)
    yield
    kinds._KINDS.pop(PARTIES.code)


@pytest.fixture
async def runner(town: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runner]:
    """A runner of its own, that can be stopped."""
    world = town.api.world
    made = Runner(world.database, world.settings)
    monkeypatch.setattr(world, "imports", made)
    yield made
    await made.stop()


async def uploaded(person: Any, rows: Any, name: str = "名单.xlsx") -> Any:
    body = workbook(("数据", [HEADERS, *rows]))
    return await settled(person, await person.send("POST", "/imports/parties", body, name=name))


async def stored(admin: Any, town: Any, table: str) -> str:
    """Everything of the tenant in a table, as it lies there."""
    rows = await admin.fetch(f"select * from {table} where tenant_id = $1", town.tenant.id)
    return "\n".join(str(tuple(row)) for row in rows)


@pytest.mark.usefixtures("parties", "runner")
async def test_protected_cells_lie_nowhere_in_clear(town: Any, admin: Any) -> None:
    clerk = await town.person("SYS")
    rows = people(40, town.tenant.regions["north1"].code, wrong_every=20)
    batch = await uploaded(clerk, rows)
    assert (batch["state"], batch["wrong"]) == ("INVALID", 2)
    tables = ("import_batches", "import_chunks", "import_findings", "audit_records")
    lying = "\n".join([await stored(admin, town, table) for table in tables])
    for row in rows:
        assert row[2] not in lying
        assert row[3] not in lying
    blobs = await admin.fetch(
        "select cells from import_chunks where tenant_id = $1", town.tenant.id
    )
    with pytest.raises(Exception, match="decompress"):
        staging.staged(bytes(blobs[0]["cells"]))
    world = town.api.world
    version, _ = await rotate(world.database, vault_of(world.settings), town.tenant.id)
    assert version == 2
    back = await clerk.send("GET", f"/imports/batches/{batch['id']}/workbook")
    assert back.status_code == 200, "the keys of batches follow a new key of the tenant"


@pytest.mark.usefixtures("parties")
async def test_protected_kinds_are_not_staged_without_a_seal(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "_PROVIDERS", [])
    world = town.api.world
    monkeypatch.setattr(world, "imports", Runner(world.database, world.settings))
    batch = await uploaded(await town.person("SYS"), people(1, town.tenant.regions["north1"].code))
    assert (batch["state"], batch["message"][:4]) == ("REFUSED", "系统出错")


@pytest.mark.usefixtures("parties", "runner")
async def test_applied_rows_are_no_longer_staged(town: Any, admin: Any) -> None:
    clerk = await town.person("SYS")
    rows = people(2_100, town.tenant.regions["north1"].code)
    batch = await uploaded(clerk, rows)
    assert (batch["state"], batch["added"], batch["findings"]["totalCount"]) == (
        "READY", 2_100, 1_000,
    )  # fmt: skip
    applied = await done(clerk, "applyImport", batch["id"])
    assert (applied["state"], applied["done"], applied["total"]) == ("APPLIED", 2_100, 2_100)
    chunks = await admin.fetch(
        "select cells, findings, effects from import_chunks where batch_id = $1", applied["id"]
    )
    assert len(chunks) == 3
    assert all(c["cells"] is None and c["findings"] is None and c["effects"] for c in chunks)
    undone = await done(clerk, "undoImport", batch["id"])
    assert undone["state"] == "UNDONE", undone
    assert await stored(admin, town, "import_chunks") == ""


@pytest.mark.usefixtures("parties")
async def test_a_server_that_dies_while_it_applies_leaves_nothing(
    town: Any, admin: Any, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await town.person("SYS")
    batch = await uploaded(clerk, people(2_100, town.tenant.regions["north1"].code))
    halfway, applied = asyncio.Event(), PARTIES.apply

    async def slow(transaction: Any, place: Any, rows: Any, ready: Any) -> Any:
        effects = await applied(transaction, place, rows, ready)
        halfway.set()
        await asyncio.sleep(60)
        return effects

    monkeypatch.setattr(kinds, "_KINDS", {**kinds._KINDS, "parties": _with(PARTIES, slow)})
    assert (await stepped(clerk, "applyImport", batch["id"]))["importBatch"]["state"] == "APPLYING"
    await asyncio.wait_for(halfway.wait(), 20)
    await runner.stop()  # as a killed process: the connection goes, the state stays
    count = "select count(*) from organisations where tenant_id = $1 and kind = 'EXTERNAL_PARTY'"
    assert await admin.fetchval(count, town.tenant.id) == 0
    asked = "query ($id: ID!) { importBatch(id: $id) { state } }"
    seen = await clerk.data(asked, {"id": batch["id"]})
    assert seen["importBatch"]["state"] == "APPLYING"
    assert (await stepped(clerk, "applyImport", batch["id"]))["userErrors"][0]["code"] == CONFLICT
    await admin.execute(
        "update import_batches set heard_at = now() - interval '61 seconds' where id = $1",
        batch["id"],
    )
    seen = await clerk.data(asked, {"id": batch["id"]})
    assert seen["importBatch"]["state"] == "INTERRUPTED"
    monkeypatch.setattr(kinds, "_KINDS", {**kinds._KINDS, "parties": PARTIES})
    again = await done(clerk, "applyImport", batch["id"])
    assert (again["state"], await admin.fetchval(count, town.tenant.id)) == ("APPLIED", 2_100)


@pytest.mark.usefixtures("parties", "runner")
async def test_a_step_that_fails_halfway_leaves_nothing_and_says_so(
    town: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await town.person("SYS")
    batch = await uploaded(clerk, people(1_500, town.tenant.regions["north1"].code))
    applied, seen = PARTIES.apply, []

    async def broken(transaction: Any, place: Any, rows: Any, ready: Any) -> Any:
        seen.append(len(rows))
        if len(seen) == 2:
            raise Refusal(CONFLICT, "第二部分不行。")
        return await applied(transaction, place, rows, ready)

    monkeypatch.setattr(kinds, "_KINDS", {**kinds._KINDS, "parties": _with(PARTIES, broken)})
    failed = await done(clerk, "applyImport", batch["id"])
    assert (failed["state"], failed["message"]) == ("READY", "第二部分不行。")
    assert seen == [1_000, 500]
    count = "select count(*) from organisations where tenant_id = $1 and kind = 'EXTERNAL_PARTY'"
    assert await admin.fetchval(count, town.tenant.id) == 0


async def test_an_interrupted_reading_is_uploaded_again(town: Any, admin: Any) -> None:
    clerk = await town.person("SYS")
    body = workbook(("数据", [["网格代码", "网格名称", "所属社区"], ["1", "2", "3"]]))
    first = await settled(clerk, await clerk.send("POST", "/imports/grids", body, name="a.xlsx"))
    await admin.execute(
        "update import_batches set state = 'READING', heard_at = now() - interval '2 minutes'"
        " where id = $1",
        first["id"],
    )
    assert (await when_settled(clerk, first["id"]))["state"] == "INTERRUPTED"
    said = (await stepped(clerk, "undoImport", first["id"]))["userErrors"][0]["message"]
    assert said == "只有已应用的批次可以撤销。"
    again = await settled(clerk, await clerk.send("POST", "/imports/grids", body, name="a.xlsx"))
    assert again["id"] != first["id"]
    assert (await when_settled(clerk, first["id"]))["state"] == "DISCARDED"


async def test_a_body_over_the_limit_is_not_read(town: Any) -> None:
    clerk = await town.person("SYS")
    answer = await clerk.send("POST", "/imports/grids", b"x" * 40_000_001, name="a.csv")
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
        413, "文件过大,最多 40 MB。",
    )  # fmt: skip
    assert (await clerk.send("POST", "/imports/nothing", b"x")).status_code == 404


async def test_a_file_that_breaks_the_reader_is_a_sentence(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await town.person("SYS")
    body = workbook(("数据", [["网格代码", "网格名称", "所属社区"]]))
    monkeypatch.setattr("guanjia.imports.process.MODULE", "guanjia.imports.no_such_module")
    batch = await settled(clerk, await clerk.send("POST", "/imports/grids", body, name="a.xlsx"))
    assert (batch["state"], batch["message"][:6]) == ("REFUSED", "文件无法读取")


def _with(kind: kinds.ImportKind, apply: Any) -> kinds.ImportKind:
    return replace(kind, apply=apply)
