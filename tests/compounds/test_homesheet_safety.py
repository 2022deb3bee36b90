"""What must never happen with a list of residents: a number in clear, half a list, a right beyond
those of the persons and homes in it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.compounds.conftest import Estate
from tests.compounds.residents import HEADERS, row
from tests.compounds.test_homesheet import resident, sent
from tests.imports.conftest import done, settled, stepped, workbook
from tests.people.canaries import Canary, Scanner
from tests.people.test_canaries import Overheard, bound, dump, overheard

from guanjia.access import policy
from guanjia.access.policy import REACHES
from guanjia.compounds.homesheet import applying
from guanjia.compounds.homesheet.kind import HOMES
from guanjia.imports import kinds
from guanjia.imports.running import Runner
from guanjia.settings import load

__all__ = ["bound", "overheard"]
# Others than those of the thousand, some of whom are shown to be found.
CANARIES = [Canary(n) for n in range(1040, 1080)]
CONTAINED = ("compound:manage", "person:register", "person:change", "binding:manage")


def listed(canary: Canary, **given: Any) -> list[Any]:
    return row(
        **{
            "compound": "阳光小区", "building": "1幢", "room": f"{101 + canary.ordinal}",
            "name": f"金丝雀{canary.ordinal}", "number": canary.number, "phone": canary.phone,
            "birth": canary.born.isoformat(), "relation": "产权人", "proof": "不动产登记核对",
            **given,
        }
    )  # fmt: skip


async def test_no_canary_of_a_list_is_seen_in_clear(
    estate: Estate, server: Any, connections: Any, overheard: Overheard, bound: list[str]
) -> None:
    scanner, clerk = Scanner(CANARIES), estate.clerk
    wrong = [listed(c, number=c.wrong_number, phone=c.wrong_phone) for c in CANARIES[:20]]
    batches = [
        await sent(clerk, *wrong, *map(listed, CANARIES[20:])),
        await sent(clerk, *map(listed, CANARIES)),
    ]
    assert [batch["state"] for batch in batches] == ["INVALID", "READY"]
    assert scanner.found(await dump(server, connections, estate.town.tenant)) == set(), "staged"
    batches.append(await done(clerk, "applyImport", batches[1]["id"]))
    assert batches[-1]["state"] == "APPLIED"
    batches.append(await sent(clerk, *(listed(c, name="别名") for c in CANARIES)))
    assert batches[-1]["wrong"] == len(CANARIES)
    dumped = await dump(server, connections, estate.town.tenant)
    assert "金丝雀1079" in dumped
    assert scanner.found(dumped) == set(), "applied"
    assert len(bound) > len(CANARIES)
    assert scanner.found("\n".join(bound)) == set()
    assert scanner.found("\n".join(overheard.lines)) == set()
    assert scanner.found(str(batches)) == set()
    secretary = await estate.town.person("CSEC", "north1")
    system = await estate.town.person("SYS", "district")
    seen = await system.data("{ importBatches { nodes { findings { nodes { message } } } } }")
    assert "登记住户并绑定为产权人" in str(seen)
    assert "金丝雀" not in str(seen)
    out = (await secretary.send("GET", "/exports/homes")).content
    assert scanner.found(out.decode("latin-1")) == set()
    # What the clerk handed in comes back to the clerk alone, in full: it is to be corrected.
    path = f"/imports/batches/{batches[0]['id']}/workbook"
    assert (await clerk.send("GET", path)).status_code == 200
    assert (await secretary.send("GET", path)).status_code == 404
    assert (await system.send("GET", path)).status_code == 404


async def test_a_number_bound_in_clear_would_be_seen(estate: Estate, bound: list[str]) -> None:
    """The twin: one statement that carries the number itself."""
    canary = CANARIES[7]
    async with estate.town.api.world.database.tenant_transaction(estate.town.tenant.id) as t:
        await t.connection.fetch("select 1 where $1 = ''", canary.number)
    assert Scanner(CANARIES).found("\n".join(bound))


async def test_a_server_that_dies_while_it_applies_leaves_nothing(
    estate: Estate, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk, world = estate.clerk, estate.town.api.world
    runner = Runner(world.database, world.settings)
    monkeypatch.setattr(world, "imports", runner)
    batch = await sent(clerk, *map(listed, CANARIES))
    halfway, votes = asyncio.Event(), applying._votes

    async def dying(doing: Any) -> None:
        await votes(doing)
        halfway.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(applying, "_votes", dying)
    await stepped(clerk, "applyImport", batch["id"])
    await asyncio.wait_for(halfway.wait(), 20)
    await runner.stop()  # as a killed process: the connection goes, the state stays

    async def left() -> list[int]:
        return [
            await admin.fetchval(
                f"select count(*) from {table} where tenant_id = $1", estate.town.tenant.id
            )
            for table in ("persons", "person_documents", "house_bindings", "vote_holdings")
        ]

    assert await left() == [0, 0, 0, 0]
    await admin.execute(
        "update import_batches set heard_at = now() - interval '61 seconds' where id = $1",
        batch["id"],
    )
    monkeypatch.setattr(applying, "_votes", votes)
    again = await done(clerk, "applyImport", batch["id"])
    assert (again["state"], await left()) == ("APPLIED", [40, 40, 40, 40])


async def test_what_came_in_between_is_a_conflict_and_no_fault(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody registers a person of the list between the look and the write."""
    clerk, town = estate.clerk, estate.town
    batch = await sent(clerk, resident(0))

    async def meanwhile(*given: Any) -> Any:
        await town.registered(
            clerk, "north1", name="甲一",
            documents=[{"kind": "CITIZEN_ID", "number": resident(0)[HEADERS.index("证件号码")]}],
        )  # fmt: skip
        return await HOMES.apply(*given)

    early = kinds.ImportKind(
        **{name: getattr(HOMES, name) for name in HOMES.__dataclass_fields__ if name != "apply"},
        apply=meanwhile,
    )
    monkeypatch.setattr(kinds, "_KINDS", {**kinds._KINDS, "homes": early})
    monkeypatch.setattr(applying, "_registered", lambda *_: None)
    left = await done(clerk, "applyImport", batch["id"])
    assert (left["state"], left["message"][:15]) == ("READY", "预览之后,相关数据已被他人修改")
    monkeypatch.undo()
    assert (await sent(clerk, resident(0), resident(1, room="102")))["state"] == "READY"


async def test_a_csv_file_is_as_good_and_a_torn_workbook_is_refused(estate: Estate) -> None:
    clerk = estate.clerk
    lines = "\n".join(",".join(map(str, line)) for line in (HEADERS, listed(CANARIES[1])))
    answer = await clerk.send("POST", "/imports/homes", lines.encode("gb18030"), name="住户.csv")
    assert (await settled(clerk, answer))["state"] == "READY"
    book = workbook(("数据", [HEADERS, listed(CANARIES[2])]))
    answer = await clerk.send("POST", "/imports/homes", book[:-300], name="住户.xlsx")
    torn = await settled(clerk, answer)
    assert (torn["state"], torn["rows"]) == ("REFUSED", 0)
    assert torn["message"]


def test_who_may_import_may_do_each_part_of_it_by_hand() -> None:
    """The right to import is no way around the rights to the homes and persons in the list."""
    known = policy.load(load().policies_dir)

    def held(role: str, permission: str) -> bool:
        return bool(known.mask(role, "region") & known.bit(permission))

    assert "region" in REACHES
    importing = [role for role in known.roles if held(role, HOMES.permission)]
    assert sorted(importing) == ["COMM", "CSEC"]
    lacking = [(r, p) for r in importing for p in CONTAINED if not held(r, p)]
    assert lacking == []
