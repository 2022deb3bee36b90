"""What was published stays as it was: the API says so in a sentence, the database whoever asks."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tests.compounds.conftest import Lists

CHANGES = [
    "update list_items set standard = '随意' where list_id = $1",
    "update list_items set public = not public where list_id = $1",
    "delete from list_items where list_id = $1",
    "insert into list_items select tenant_id, gen_random_uuid(), list_id, compound_id, 99, 'Z',"
    " title, standard, frequency, evidence, basis, basis_from, basis_to, contract_clause,"
    " limit_value, limit_unit, weight, owner_seat, co_seats, public from list_items"
    " where list_id = $1 limit 1",
    "update compound_lists set content_hash = '' where id = $1",
    "update compound_lists set valid_from = valid_from - 1 where id = $1",
    "update compound_lists set kind = 'BUTLER_DUTY_LIST' where id = $1",
    "update compound_lists set state = 'DRAFT', valid_from = null, content_hash = null,"
    " published_by = null, published_at = null where id = $1",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_database_refuses_to_change_what_was_published(
    lists: Lists, change: str, admin: Any
) -> None:
    """Through the API there is no way; a service that forgot to look finds none either. The twin:
    without the trigger the same statement goes through."""
    published = await lists.published()
    database, tenant = lists.town.api.world.database, lists.town.tenant.id

    async def attempt() -> None:
        async with database.tenant_transaction(tenant) as transaction:
            await transaction.connection.execute(change, published["id"])

    with pytest.raises(asyncpg.CheckViolationError, match="is frozen"):
        await attempt()
    draft = await lists.draft("COMMITTEE_DUTY_LIST")
    with pytest.raises(asyncpg.CheckViolationError, match="is frozen"):
        async with database.tenant_transaction(tenant) as transaction:
            await transaction.connection.execute(
                "update list_items set list_id = $2, code = code || 'x' where list_id = $1",
                draft["id"],
                published["id"],
            )
    trigger, table = (
        ("frozen_item", "list_items") if "list_items" in change
        else ("frozen_list", "compound_lists")
    )  # fmt: skip
    open_ = admin.transaction()
    await open_.start()
    try:
        await admin.execute(f"alter table {table} disable trigger {trigger}")
        await admin.execute(f"select set_config('app.tenant_id', '{tenant}', true)")
        assert (await admin.execute(change, published["id"])).split()[-1] != "0"
    finally:
        await open_.rollback()


async def test_a_frozen_list_answers_in_a_sentence(lists: Lists) -> None:
    published = await lists.published()
    item, at = published["items"]["nodes"][0]["id"], {"version": published["version"]}
    for name, given_values in (
        ("changeListItem", {"id": item, **at, "title": "乙"}),
        ("removeListItem", {"id": item, **at}),
        ("addListItem", {"listId": published["id"], **at, "code": "X", "title": "某项"}),
        ("reorderListItems", {"listId": published["id"], **at, "itemIds": [item]}),
        ("discardList", {"id": published["id"], **at, "reason": "错"}),
    ):
        code, said = await lists.refused(lists.clerk, name, **given_values)
        assert (code, said) == (
            "LIST_FROZEN",
            "该版清单已公布或已撤回,不能再修改;请新建一版。",
        ), name


async def test_an_edition_cannot_overlap_another(lists: Lists, admin: Any) -> None:
    first = await lists.published()
    with pytest.raises(asyncpg.ExclusionViolationError):
        await admin.execute(
            "insert into compound_lists (tenant_id, id, compound_id, kind, edition, state,"
            " created_by, editors, created_at, valid_from, published_at, published_by,"
            " content_hash) select tenant_id, gen_random_uuid(), compound_id, kind, 9, 'PUBLISHED',"
            " created_by, editors, created_at, valid_from + 9, published_at, published_by, ''"
            " from compound_lists where id = $1",
            first["id"],
        )
