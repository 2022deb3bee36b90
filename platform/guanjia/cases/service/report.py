"""① 采集上报: a case comes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.attachments.models import Purpose
from guanjia.attachments.service import pictured
from guanjia.cases import inputs
from guanjia.cases.facts import CaseFacts, Payload
from guanjia.cases.guards import MACHINE
from guanjia.cases.models import Case
from guanjia.cases.places import place_key
from guanjia.cases.reasons import CategoryKind, Level, Source
from guanjia.cases.service.affected import Affected, keep, named
from guanjia.cases.service.casefile import Step, file_of, open_file
from guanjia.cases.service.contacts import Contact, keep_contact
from guanjia.cases.states import stage_of
from guanjia.cases.transitions import LABELS
from guanjia.compounds.points import Point, point
from guanjia.compounds.service.outlines import compound_around
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reach, Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, not_found
from guanjia.graph.times import local_date
from guanjia.people.vault import Vault
from guanjia.reading.conditions import grams, normal

_PLACES = ("COMMUNITY", "GRID")
_KEY_LENGTH = 100


async def report_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    vault: Vault | None = None,
    category_id: UUID,
    region_id: UUID,
    title: str,
    location: str,
    source: Source,
    now: datetime,
    longitude: float | None = None,
    latitude: float | None = None,
    component: str | None = None,
    component_count: int | None = None,
    description: str = "",
    no_photo_reason: str | None = None,
    compound_id: UUID | None = None,
    contact_name: str | None = None,
    contact_phone: str | None = None,
    urgent: bool | None = None,
    draft: bool = False,
    attachment_ids: Sequence[UUID] = (),
    affected_building_ids: Sequence[UUID] = (),
    affected_house_unit_ids: Sequence[UUID] = (),
    affected: Affected | None = None,
    idempotency_key: str | None = None,
) -> Case:
    """T1. A case is REPORTED (or a DRAFT), numbered, in the charge of the level whose officer
    reported it: the community unless a street or the district did. `region_id` is the grid or
    community it lies in, `compound_id` the compound there, if it is in one and its point does not
    say so, `longitude` and `latitude` are degrees in WGS-84; `component` is what kind of thing it
    is about, with how many of it. Unless the reporter is on duty there, it is to be verified before
    it is filed. The contact is sealed by the vault; without a contact none is needed. Whom
    it affects the reporter names as far as they may read it, or somebody who may has (`affected`).
    The same idempotency key gives the same case again."""
    key = inputs.line(idempotency_key, "幂等键", "idempotencyKey", _KEY_LENGTH)
    if key:
        # Two requests with one key wait for each other here instead of failing on the index.
        await transaction.connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"{transaction.tenant_id}:{actor.membership_id}:{key}",
        )
        before = await Case.filter(reporter_id=actor.membership_id).filter(
            id__in=await _with_key(transaction, actor.membership_id, key)
        )
        if before:
            return before[0]
    place = point(longitude, latitude)
    contact = Contact(
        inputs.line(contact_name, "联系人", "contactName", inputs.NAME_LENGTH),
        inputs.phone(contact_phone, "contactPhone"),
    )
    row = MACHINE.row("draft_case" if draft else "report_case", None)
    data: dict[str, Any] = {
        "category_id": category_id,
        "region_id": region_id,
        "title": inputs.line(title, LABELS["title"], "title", inputs.TITLE_LENGTH),
        "description": inputs.text(description, "描述", "description", inputs.DESCRIPTION_LENGTH),
        "location": inputs.line(location, LABELS["location"], "location"),
        "source": Source(source),
        "no_photo_reason": inputs.line(no_photo_reason, LABELS["no_photo_reason"], "noPhotoReason"),
        "idempotency_key": key,
        "longitude": place and place.longitude,
        "latitude": place and place.latitude,
    }
    data["component"], data["component_count"] = inputs.components(component, component_count)
    region = await _region(transaction, region_id)
    reach = _reach(scope, region["path"])
    if region["level"] not in _PLACES:
        raise Refusal(BAD_USER_INPUT, "案件须落在网格或社区。", ("regionId",))
    data["compound_id"] = await _compound(transaction, compound_id, region["path"], place)
    data["verify_first"] = not _on_duty(actor, region["path"])
    photographed = bool(await pictured(transaction, actor, attachment_ids))
    reason = data["no_photo_reason"] or photographed or None
    MACHINE.check_data(row, {**data, "no_photo_reason": reason})
    kind = await transaction.connection.fetchval(
        "select kind from case_categories where tenant_id = $1 and id = $2 and active",
        transaction.tenant_id,
        category_id,
    )
    if kind is None:
        raise not_found("案件类别", "categoryId")
    target = row.target
    assert target is not None
    hurry = kind == CategoryKind.EMERGENCY if urgent is None else urgent
    affects = affected or await named(
        transaction, actor, affected_building_ids, affected_house_unit_ids
    )
    facts = CaseFacts(target, now, _level(reach), hurry, category_id)
    inserted = await _insert(transaction, actor.membership_id, facts, data, region, now)
    await keep_contact(transaction, vault, inserted["id"], contact)
    file = await file_of(transaction, actor, scope, inserted, now)
    await keep(transaction, inserted["id"], affects)
    said = Payload(
        level=facts.level, urgent=hurry, category_id=category_id,
        households=len(affects.homes) or None,
    )  # fmt: skip
    await file.begin(Step(row, reach, row.who[0]), said)
    await file.hang(attachment_ids, Purpose.BEFORE)
    return await file.saved()


async def submit_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    no_photo_reason: str | None = None,
    attachment_ids: Sequence[UUID] = (),
) -> Case:
    """T1. The reporter's own draft is REPORTED. Anyone else's is NOT_FOUND."""
    own = replace(scope, reaches=(Reach("self"),))
    file = await open_file(transaction, actor, own, id, version, now)
    reason = inputs.line(no_photo_reason, LABELS["no_photo_reason"], "noPhotoReason")
    given = reason or file.row["no_photo_reason"]
    photographed = file.photos or await pictured(transaction, actor, attachment_ids)
    await file.take("submit_case", data={"no_photo_reason": given or bool(photographed) or None})
    await file.hang(attachment_ids, Purpose.BEFORE)
    await transaction.connection.execute(
        "update cases set no_photo_reason = $3 where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        given,
    )
    return await file.saved()


async def _with_key(transaction: Transaction, reporter_id: UUID, key: str) -> list[UUID]:
    rows = await transaction.connection.fetch(
        "select id from cases where tenant_id = $1 and reporter_id = $2 and idempotency_key = $3",
        transaction.tenant_id,
        reporter_id,
        key,
    )
    return [row["id"] for row in rows]


async def _region(transaction: Transaction, region_id: UUID) -> Mapping[str, Any]:
    """A region in force, which stays so until the transaction ends: a case never comes to lie in
    one that is being closed."""
    region = await transaction.connection.fetchrow(
        "select id, path, level, name from regions"
        " where tenant_id = $1 and id = $2 and valid_to is null for share",
        transaction.tenant_id,
        region_id,
    )
    if region is None:
        raise not_found("区域", "regionId")
    found: Mapping[str, Any] = region
    return found


async def _compound(
    transaction: Transaction, compound_id: UUID | None, path: str, place: Point | None
) -> UUID | None:
    """The active compound, of the community in which the place lies; without one the compound
    whose outline holds the point."""
    if compound_id is None and place is not None:
        return await compound_around(
            transaction.connection, transaction.tenant_id, path[:15], place
        )
    if compound_id is not None and not await transaction.connection.fetchval(
        "select exists (select 1 from compounds where tenant_id = $1 and id = $2 and active"
        " and community_path = left($3, 15))",
        transaction.tenant_id,
        compound_id,
        path,
    ):
        raise not_found("小区", "compoundId")
    return compound_id


def _reach(scope: Scope, path: str) -> Reach:
    """The nearest reach in which the place lies. A reporter without a region reports anywhere:
    what one sees across the road belongs to the grid across the road."""
    near = sorted(scope.covering(path), key=lambda r: -len(r.path))
    mine = [r for r in scope.reaches if r.kind == "self"]
    if not near + mine:
        raise not_found("区域", "regionId")
    return (near + mine)[0]


def _on_duty(actor: Actor, path: str) -> bool:
    """Whether the actor works where the place lies: looks after it, or handles cases for an
    organisation."""
    return bool(actor.scope("case:verify").covering(path) or actor.scope("case:handle"))


def _level(reach: Reach) -> Level:
    return Level(reach.level) if reach.level in set(Level) else Level.COMMUNITY


async def _insert(
    transaction: Transaction,
    reporter_id: UUID,
    facts: CaseFacts,
    data: Mapping[str, Any],
    region: Mapping[str, Any],
    now: datetime,
) -> Mapping[str, Any]:
    number = await _next_number(transaction, local_date(now).year)
    search = normal(" ".join((number, data["title"], data["description"] or "", data["location"])))
    values: dict[str, Any] = {
        "id": new_id(),
        "number": number,
        "title": data["title"],
        "description": data["description"] or "",
        "category_id": facts.category_id,
        "level": facts.level,
        "state": facts.state,
        "stage": stage_of(facts.state),
        "state_since": now,
        "urgent": facts.urgent,
        "source": data["source"],
        "region_id": region["id"],
        "region_path": region["path"],
        "compound_id": data["compound_id"],
        "location": data["location"],
        "longitude": data["longitude"],
        "latitude": data["latitude"],
        "component": data["component"],
        "component_count": data["component_count"],
        "place_key": place_key(data["location"]),
        "verify_first": data["verify_first"],
        "search_text": search,
        "reporter_id": reporter_id,
        "no_photo_reason": data["no_photo_reason"],
        "idempotency_key": data["idempotency_key"],
        "created_at": now,
    }
    row: Mapping[str, Any] = await transaction.connection.fetchrow(
        f"insert into cases ({', '.join(values)})"
        f" values ({', '.join(f'${n}' for n in range(1, len(values) + 1))}) returning *",
        *values.values(),
    )
    await transaction.connection.execute(
        "insert into case_grams (gram, case_id) select unnest($1::text[]), $2",
        grams(search),
        row["id"],
    )
    return row


async def _next_number(transaction: Transaction, year: int) -> str:
    """The tenant's next case number, for example 350702-2026-000001. The counter's row is locked
    until the transaction ends: there are no gaps and no doubles."""
    code, last = await transaction.connection.fetchrow(
        "with counted as (insert into case_counters (year, last) values ($1, 1)"
        " on conflict (tenant_id, year) do update set last = case_counters.last + 1"
        " returning last) select t.code, c.last from counted c, tenants t where t.tenant_id = $2",
        year,
        transaction.tenant_id,
    )
    return f"{code}-{year}-{last:06d}"
