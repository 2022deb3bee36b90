"""Contacts of cases: sealed where they lie, masked when read, in full only by a recorded look."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import api, make_town, town
from tests.test_cli import given, guanjia

from guanjia.cases.service.contacts import Contact, keep_contact, seal_plain_contacts
from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.people import rotation
from guanjia.people.vault import holders, vault_of
from guanjia.tenancy.models import OPERATOR, tenant_id

__all__ = ["api", "make_town", "town"]

REVEAL = (
    "mutation ($i: RevealCaseContactInput!) { revealCaseContact(input: $i)"
    " { contactName contactPhone userErrors { code field } } }"
)
SHOWN = "{ cases { nodes { contactName contactPhone } } }"


def look(case: dict[str, Any], purpose: str = "回访上报人") -> dict[str, Any]:
    return {"i": {"id": case["id"], "purpose": purpose}}


async def seen(actor: Any, case: dict[str, Any], purpose: str = "回访上报人") -> dict[str, Any]:
    payload: dict[str, Any] = (await actor.data(REVEAL, look(case, purpose)))["revealCaseContact"]
    return payload


async def reveals(town: Any) -> list[dict[str, Any]]:
    auditor = await town.person("AUD")
    found = await auditor.data(
        "{ auditRecords(first: 100) { nodes { action result objectId permission detail } } }"
    )
    return [r for r in found["auditRecords"]["nodes"] if r["action"] == "case.reveal_contact"]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (("张三", "13900000001"), ("张*", "139****0001")),
        (("欧阳小修", "+86 139-0000-0001"), ("欧阳*修", "139****0001")),
        (("王", "0599-0000000"), ("*", "0599-*****00")),
        (("居敏", "12345"), ("居*", "*****")),
        (("居敏", None), ("居*", None)),
        ((None, "13900000001"), (None, "139****0001")),
        ((None, None), (None, None)),
    ],
)
async def test_a_contact_is_masked_by_default(
    town: Any, told: tuple[str | None, ...], shown: tuple[str | None, ...]
) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1", contactName=told[0], contactPhone=told[1])
    (node,) = (await clerk.data(SHOWN))["cases"]["nodes"]
    assert (node["contactName"], node["contactPhone"]) == shown
    whole = await seen(clerk, case)
    digits = re.sub(r"[\s-]", "", told[1]) if told[1] else None
    assert (whole["contactName"], whole["contactPhone"]) == (told[0], digits)


async def test_nothing_of_a_contact_is_stored_in_clear(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    await town.opened(clerk, "north1", contactName="暗号零一")
    for table in ("cases", "case_contacts", "case_events", "audit_records", "case_grams"):
        rows = await admin.fetch(f"select * from {table} where tenant_id = $1", town.tenant.id)
        assert "暗号零一" not in str(rows)
        assert "13900000001" not in str(rows)
        assert b"13900000001".hex() not in str(rows)


async def test_who_may_not_look_is_refused(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    for role, place, code in (("GRID", "north1", "FORBIDDEN"), ("AUD", "district", "FORBIDDEN")):
        actor = await town.person(role, "north1grid" if role == "GRID" else place)
        assert await actor.code(REVEAL, look(case)) == code
    far = await town.person("COMM", "south1")
    assert (await seen(far, case))["userErrors"][0]["code"] == "NOT_FOUND"
    assert await reveals(town) == []


@pytest.mark.parametrize("purpose", ["", "办", "核对 350702198811029972", "看" * 201])
async def test_a_purpose_is_said_and_holds_no_number(town: Any, purpose: str) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    refused = await seen(clerk, case, purpose)
    assert refused["userErrors"] == [{"code": "BAD_USER_INPUT", "field": ["purpose"]}]
    assert refused["contactPhone"] is None
    assert await reveals(town) == []


async def test_every_look_is_recorded_without_what_was_seen(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    await seen(clerk, case)
    (found,) = await reveals(town)
    assert (found["result"], found["objectId"]) == ("READ", case["id"])
    assert found["permission"] == "case:read_contact"
    assert json.loads(found["detail"]) == {
        "field": "CONTACT", "purpose": "CONTACT", "note": "回访上报人",
    }  # fmt: skip


async def test_looks_at_contacts_and_at_persons_count_together(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    limit = town.api.world.settings.reveals_per_hour
    await admin.execute(
        "insert into person_looks (tenant_id, membership_id, minute, looks)"
        " values ($1, $2, date_trunc('minute', now()), $3)",
        town.tenant.id,
        clerk.membership,
        limit - 1,
    )
    assert (await seen(clerk, case))["contactName"] == "张三"
    refused = await seen(clerk, case)
    assert refused["userErrors"] == [{"code": "LIMIT_EXCEEDED", "field": None}]
    assert refused["contactName"] is None
    assert sorted(r["result"] for r in await reveals(town)) == ["DENIED", "READ"]


async def test_contacts_from_before_are_sealed_once(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1", contactName=None, contactPhone=None)
    await admin.execute(
        "update cases set contact_name = '欧阳修', contact_phone = '13900000002'"
        " where tenant_id = $1",
        town.tenant.id,
    )
    vault = vault_of(town.api.world.settings)
    database = town.api.world.database
    assert await seal_plain_contacts(database, vault, town.tenant.id) == 1
    assert await seal_plain_contacts(database, vault, town.tenant.id) == 0
    left = await admin.fetchrow(
        "select contact_name, contact_phone from cases where tenant_id = $1", town.tenant.id
    )
    assert tuple(left) == (None, None)
    (node,) = (await clerk.data(SHOWN))["cases"]["nodes"]
    assert (node["contactName"], node["contactPhone"]) == ("欧阳*", "139****0002")
    assert (await seen(clerk, case))["contactPhone"] == "13900000002"


async def test_the_operator_seals_what_is_left(
    town: Any, admin: Any, tmp_path: Path, connections: Connections
) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1", contactName=None, contactPhone=None)
    settings, database = town.api.world.settings, town.api.world.database
    await admin.execute(
        "update cases set contact_phone = '13900000002' where tenant_id = $1", town.tenant.id
    )
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        await transaction.connection.execute(
            "insert into tenant_register (id, slug, code, name) values ($1, $2, '990103', '测试')",
            new_id(),
            town.tenant.slug,
        )
    done = await guanjia(
        tmp_path, "case", "seal-contacts", "--tenant", town.tenant.slug,
        GUANJIA_MASTER_KEY=",".join(base64.b64encode(k).decode() for k in settings.master_keys()),
        **given(connections, "app_rw", "app_ro"),
    )  # fmt: skip
    assert done.stdout == f"{town.tenant.slug}:加密 1 个案件的联系方式\n", done.stderr
    assert (await seen(clerk, case))["contactPhone"] == "13900000002"


async def test_a_new_data_key_reaches_contacts(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    vault = vault_of(town.api.world.settings)
    await rotation.rotate(town.api.world.database, vault, town.tenant.id)
    versions = await admin.fetch(
        "select key_version from case_contacts where tenant_id = $1", town.tenant.id
    )
    assert [row[0] for row in versions] == [2]
    assert (await seen(clerk, case))["contactPhone"] == "13900000001"


async def test_a_contact_moved_to_another_case_does_not_open(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    one = await town.opened(clerk, "north1")
    await town.opened(clerk, "north1", contactName=None, contactPhone="13900000002")
    await admin.execute(
        "update case_contacts c set phone_cipher = o.phone_cipher from case_contacts o"
        " where c.id = $1::uuid and o.tenant_id = c.tenant_id and o.id <> c.id",
        one["id"],
    )
    answer = await clerk.ask(REVEAL, look(one))
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "13900000002" not in str(answer)


async def test_a_contact_belongs_to_a_case_of_its_tenant(town: Any, make_town: Any) -> None:
    """And it is nobody's registered person: no column of it could say so."""
    other = await make_town()
    case = await other.opened(await other.person("COMM", "north1"), "north1", contactPhone=None,
                              contactName=None)  # fmt: skip
    vault = vault_of(town.api.world.settings)
    for strange in (case["id"], new_id()):
        with pytest.raises(Exception, match="foreign key"):
            async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
                await keep_contact(transaction, vault, strange, Contact("张三", None))


async def test_every_table_with_keys_is_known_to_rotations(admin: Any) -> None:
    rows = await admin.fetch(
        "select table_name from information_schema.columns where column_name = 'sealed_key'"
        " and table_schema = 'public'"
    )
    assert {row[0] for row in rows} == set(holders())
