"""What is archived stays, in the service and under it; what is wrong is corrected by a note."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.api.conftest import api, make_town
from tests.api.conftest import town as desk
from tests.attachments.conftest import folder, picture

from guanjia.attachments.store import Store
from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.service.files import archive_fault, manifest_hash
from guanjia.cases.states import State
from guanjia.db.ids import new_id

__all__ = ["api", "desk", "folder", "make_town"]

NOTE = {"text": "发生地点应为北门 2 号", "reason": "登记时笔误"}
ANSWER = "case { id version } note { code title reason note actorName toState }"
TIMELINE = "query ($id: ID!) { case(id: $id) { timeline(last: 1) { nodes { title note } } } }"


async def archived(town: Any, case: Any = None) -> Any:
    case = case or await town.report()
    await town.to_feedback(case)
    await town.do("grid_two", "check_case", case, passed=True)
    home = {"affected_house_unit_ids": town.homes[:1]}
    await town.do("clerk", "close_case", case, callback="当面告知", **home)
    await town.answer(case)
    await town.do("clerk", "finish_evaluation", case)
    town.later(days=15)
    return await town.do("auditor", "archive_case", case)


async def put_away(desk: Any, admin: Any, case: dict[str, Any]) -> None:
    """The case is as if it had been archived."""
    await admin.execute(
        "update cases set state = 'ARCHIVED', stage = 'ARCHIVING' where tenant_id = $1"
        " and id = $2::uuid",
        desk.tenant.id,
        case["id"],
    )


async def test_a_note_is_told_and_nothing_else_changes(town: Any) -> None:
    case = await archived(town)
    before, events = await town.stored(case.id), await town.rows(case)
    assert events[-1]["attachments_sha256"] == manifest_hash([])
    await town.do("clerk", "add_correction_note", case, **NOTE)
    await town.do("second_clerk", "add_correction_note", case, **NOTE)
    assert await town.stored(case.id) == before
    rows = await town.rows(case)
    assert rows[: len(events)] == events
    assert [(row["code"], row["note"], row["to_state"]) for row in rows[len(events) :]] == [
        ("CORRECTED", NOTE["text"], "ARCHIVED")
    ] * 2
    assert chain_fault(rows) is None
    assert replay(await town.events(case)) == await town.facts(case)


async def test_only_who_closes_such_a_case_corrects_it(town: Any) -> None:
    case = await archived(town)
    for who in ("street", "supervisor"):
        await town.denied(town.do(who, "add_correction_note", case, **NOTE))
    await town.refused("NOT_FOUND", town.do("stranger", "add_correction_note", case, **NOTE))
    for missing in NOTE:
        given = {**NOTE, missing: " "}
        await town.refused("MISSING_DATA", town.do("clerk", "add_correction_note", case, **given))
    await town.refused(
        "BAD_USER_INPUT",
        town.do("clerk", "add_correction_note", case, **{**NOTE, "text": "长" * 2001}),
    )


@pytest.mark.parametrize("state", sorted(set(State) - {State.ARCHIVED}))
async def test_what_is_not_archived_is_changed_and_not_corrected(town: Any, state: State) -> None:
    case = await town.report()
    async with town.open() as transaction:
        await transaction.connection.execute(
            "update cases set state = $2, suspended_at = case when $2 = 'SUSPENDED' then now() end"
            " where id = $1",
            case.id,
            state,
        )
    await town.refused("ILLEGAL_TRANSITION", town.do("clerk", "add_correction_note", case, **NOTE))


@pytest.mark.parametrize(
    "statement",
    [
        "update cases set title = '别的' where id = $1",
        "update cases set version = version + 1 where id = $1",
        "update cases set state = 'EVALUATED' where id = $1",
        "delete from case_events where case_id = $1",
        "update case_events set note = '别的' where case_id = $1",
    ],
)
async def test_an_archived_case_cannot_be_written_at_all(town: Any, statement: str) -> None:
    case = await archived(town)
    before = await town.stored(case.id)
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)):
        async with town.open() as transaction:
            await transaction.connection.execute(statement, case.id)
    assert await town.stored(case.id) == before


async def test_the_api_corrects_once_for_each_key(desk: Any, admin: Any) -> None:
    clerk, resident = await desk.person("COMM", "north1"), await desk.person("RES", "north1")
    case = await desk.opened(resident, "north1")
    given = {**NOTE, "id": case["id"], "idempotencyKey": "k1"}
    early = await clerk.do("addCorrectionNote", given, ANSWER)
    assert early["userErrors"][0]["code"] == "ILLEGAL_TRANSITION"
    await put_away(desk, admin, case)
    done = await clerk.do("addCorrectionNote", given, ANSWER)
    assert done["userErrors"] == []
    assert done["note"] == {
        "code": "CORRECTED", "title": "更正说明", "reason": "登记时笔误",
        "note": NOTE["text"], "actorName": done["note"]["actorName"], "toState": "ARCHIVED",
    }  # fmt: skip
    assert done["case"] == {"id": case["id"], "version": case["version"]}
    assert await clerk.do("addCorrectionNote", given, ANSWER) == done
    reused = await clerk.do("addCorrectionNote", {**given, "text": "另一个说明"}, ANSWER)
    assert reused["userErrors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"
    told = (await resident.data(TIMELINE, {"id": case["id"]}))["case"]["timeline"]["nodes"]
    assert told == [{"title": "更正说明", "note": NOTE["text"]}]
    auditor = await desk.person("AUD")
    records = await auditor.data(
        "{ auditRecords(first: 100) { nodes { action permission objectId } } }"
    )
    assert [
        r for r in records["auditRecords"]["nodes"] if r["action"] == "add_correction_note"
    ] == [{"action": "add_correction_note", "permission": "case:correct", "objectId": case["id"]}]
    asked = (
        "mutation ($i: AddCorrectionNoteInput!) { addCorrectionNote(input: $i) { case { id } } }"
    )
    for role, place in (("GRID", "north1grid"), ("AUD", "district"), ("RES", "north1")):
        person = await desk.person(role, place)
        assert await person.code(asked, {"i": given}) == "FORBIDDEN"


async def hung(town: Any, case: Any, store: Store, content: bytes) -> UUID:
    """A picture hangs on the case."""
    made, sha256 = new_id(), hashlib.sha256(content).digest()
    await store.put(town.tenant.id, sha256, "content", content)
    async with town.open() as transaction:
        await transaction.connection.execute(
            "insert into attachments (id, uploader_id, uploaded_at, file_name, media_type, size,"
            " sha256, owner_noun, owner_id, purpose, attached_at)"
            " values ($1, $2, now(), '现场.jpg', 'image/jpeg', $3, $4, 'Case', $5, 'OTHER', now())",
            made, town.people["clerk"].membership_id, len(content), sha256, case.id,
        )  # fmt: skip
    return made


async def fault(town: Any, store: Store) -> tuple[int, str | None]:
    async with town.open() as transaction:
        return await archive_fault(transaction, store)


async def test_archived_files_are_shown_to_be_what_they_were(
    town: Any, admin: Any, folder: Store
) -> None:
    case = await town.report()
    photo = await hung(town, case, folder, picture())
    case = await archived(town, case)
    await town.do("clerk", "add_correction_note", case, **NOTE)
    assert await fault(town, folder) == (1, None)

    more = await hung(town, case, folder, picture(colour="red"))
    changed = f"案件 {case.number}:附件有增减或改动"
    assert await fault(town, folder) == (0, changed)
    await admin.execute("delete from attachments where id = $1", more)
    assert await fault(town, folder) == (1, None)
    for change in ("purpose = 'CHECK'", "file_name = '别的.jpg'", "sha256 = '\\x00'"):
        undo = admin.transaction()
        await undo.start()
        await admin.execute(f"update attachments set {change} where id = $1", photo)
        rows = await admin.fetch("select * from attachments where owner_id = $1", case.id)
        await undo.rollback()
        assert manifest_hash(rows) != (await town.rows(case))[-2]["attachments_sha256"]

    await folder.delete(town.tenant.id, hashlib.sha256(picture()).digest())
    missing = f"案件 {case.number}:附件 {photo} 的文件缺失或被改动"
    assert await fault(town, folder) == (0, missing)
    await admin.execute(
        "update case_events set note = '别的' where case_id = $1 and seq = 3", case.id
    )
    assert await fault(town, folder) == (0, f"案件 {case.number}:经过第 3 条被改动或缺失")
