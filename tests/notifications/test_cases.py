"""The first user: who is told of a case's steps, and what they are never told."""

from __future__ import annotations

from typing import Any

from tests.api.population import step

BODIES = "{ notifications(orderBy: OLDEST) { nodes { kind body subject { id } } } }"
SECRET = "13900000007"


async def inbox(person: Any) -> list[tuple[str, str]]:
    nodes = (await person.data(BODIES))["notifications"]["nodes"]
    told = [(each["kind"], each["body"]) for each in nodes]
    return [(kind, body) for kind, body in told if kind.startswith("case.")]


async def test_those_whom_a_step_concerns_are_told(town: Any) -> None:
    name, other = f"住建局({SECRET})", "城管局"
    await town.organisation(other)
    clerk, chief = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    # Whoever dispatches belongs to the department too, and is not told of their own step.
    district = await town.person("DCMD", "district", name)
    handler = await town.person("DEPT", "district", name)
    colleague = await town.person("DEPT", "district", name)
    without_role = await town.person(None, "district", name)
    second = await town.person("DEPT", "district", other)
    case = await town.opened(clerk, "north1", f"李四家漏水,电话{SECRET}")
    await step(clerk, "fileCase", "FileCaseInput", case)
    for officer in (clerk, chief):
        await step(officer, "escalateCase", "EscalateCaseInput", case, reason="须上级处理")
    chosen = {"organisationId": str(town.organisations[name])}
    await step(district, "dispatchCase", "DispatchCaseInput", case, **chosen)
    number = case["number"]
    for person in (handler, colleague):
        [(kind, body)] = await inbox(person)
        assert kind == "case.dispatched"
        assert body.startswith(f"案件{number}(")
        assert body.endswith(")已派遣给住建局(***),请及时签收。")
    for person in (second, clerk, district):
        assert await inbox(person) == []
    suggested = {"suggestedId": str(town.organisations[other])}
    await step(
        handler, "returnCase", "ReturnCaseInput", case, reason="非本单位", evidence="三定方案",
        **suggested,
    )  # fmt: skip
    [(kind, body)] = await inbox(district)
    assert (kind, f"案件{number}(" in body, body.endswith("退单,请裁定。")) == (
        "case.returned", True, True,
    )  # fmt: skip
    await step(
        district, "ruleReturn", "RuleReturnInput", case, accepted=True, reason="属实",
        organisationId=str(town.organisations[other]),
    )  # fmt: skip
    [(kind, body)] = await inbox(second)
    assert (kind, "城管局" in body) == ("case.dispatched", True)
    # The first department has the case no more: what it was told stays, the way to it is closed.
    nodes = (await colleague.data(BODIES))["notifications"]["nodes"]
    assert [each["subject"] for each in nodes] == [None]
    assert (await second.data(BODIES))["notifications"]["nodes"][0]["subject"] == {"id": case["id"]}
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        rows = await transaction.connection.fetch("select body, title from notifications")
        told = await transaction.connection.fetchval(
            "select count(*) from notifications where recipient_id = $1", without_role.membership
        )
    assert told == 0
    said = str(rows)
    assert not [secret for secret in (SECRET, "李四", "漏水", "张三") if secret in said]
