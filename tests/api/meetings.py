"""Meetings in a town that is walked, and the queries that read them in every form."""

from __future__ import annotations

from typing import Any

from guanjia.db.ids import new_id

DOCUMENTS: list[tuple[str, Any]] = [
    (
        "{ meetings(first: 10) { totalCount nodes { id title place plannedOn startsAt endsAt state"
        " shifted seatQuorum residentQuorum minutes contentHash publishedAt takeDownOn version type"
        " { code name decides seatQuorum residentQuorum } compound { name }"
        " region { name } items { position title source matter householdCount resolvedAt open"
        " proposer { name } carriedFrom { title } households { label } resolutions { outcome"
        " votesFor seatsPresent adopted decidedAt caseState case { number } } }"
        " readBacks { totalCount nodes { outcome caseState item { title } } }"
        " attendance { totalCount nodes { kind seat chair capacity name"
        " person { name } houseUnit { label } organisation { name } } } signatures { onPaper"
        " signedAt attendance { seat } } } } }",
        None,
    ),
    (
        "query ($f: MeetingFilter) { meetings(filter: $f, orderBy: OLDEST) { totalCount nodes"
        " { title } } }",
        {"f": {"held": True, "decides": True, "startsAt": {"gte": "2020-01-01T00:00:00Z"}}},
    ),
    (
        '{ agendaItems(filter: { resolved: true, metFrom: "2020-01-01T00:00:00Z" })'
        " { totalCount nodes { title meeting { title } } } }",
        None,
    ),
    (
        "{ meetingSeries { totalCount nodes { title rule startsAt startsOn heldBack dueCount"
        " heldCount heldPercent onHoliday plannedUntil type { name } compound { name } region"
        " { name } } } }",
        None,
    ),
    (
        "{ meetingTypes(filter: { decides: true }) { nodes { code name decides seatQuorum } }"
        " meetingMatters { code majority"
        " decidedBy validFrom source } }",
        None,
    ),
    (
        "{ publishedMeetings { totalCount nodes { title typeName startsAt takeDownOn compoundName"
        " items { title householdCount resolvedAt resolutions { outcome adopted caseState"
        " } } } } }",
        None,
    ),
    (
        "{ ownersVotes { totalCount nodes { title question matter majority opensAt closesAt state"
        " compoundName castCount totalAreaM2 totalOwners participatingAreaM2 participatingOwners"
        " forAreaM2 forOwners againstAreaM2 againstOwners"
        " abstainedAreaM2 abstainedOwners valid adopted version } }"
        " householdPolls { totalCount nodes { title"
        " castCount homes answered inFavour against compoundName } } }",
        None,
    ),
]


async def populate_meetings(town: Any) -> None:
    """At each compound and in its community: a meeting on display, one of a series, and what they
    are about; a resident attended, and signed."""
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        run, fetch = transaction.connection.execute, transaction.connection.fetch
        compounds = await fetch(
            "select c.id, c.region_id, c.region_path, b.person_id, b.house_unit_id,"
            " (select m.id from memberships m limit 1) as member,"
            " (select t.id from meeting_types t where t.code = 'DELIBERATION') as kind,"
            " (select k.id from cases k where k.community_path = c.region_path order by k.id limit"
            " 1) as reported from compounds c join house_bindings b on b.compound_id = c.id"
        )
        for row in compounds:
            for compound in (row["id"], None):
                await _meeting(run, row, compound)
            await _votes(run, row)


async def _meeting(run: Any, row: Any, compound: Any) -> None:
    series, meeting, item, again, attendee = (new_id() for _ in range(5))
    await run(
        "insert into meeting_series (id, type_id, compound_id, region_id, region_path, title,"
        " place, rule, starts_on, starts_at_minute, minutes, on_holiday, planned_until, held_back,"
        " created_at) values ($1, $2, $3, $4, $5, '议事', '党群服务中心',"
        " 'FREQ=WEEKLY;COUNT=3', '2026-01-07', 540, 60, 'SKIP', '2026-01-22', 1, now())",
        series, row["kind"], compound, row["region_id"], row["region_path"],
    )  # fmt: skip
    await run(
        "insert into meetings (id, type_id, series_id, compound_id, region_id, region_path, title,"
        " place, planned_on, starts_at, ends_at, state, seat_quorum, resident_quorum, created_at)"
        " values ($1, $2, $3, $4, $5, $6, '路灯不亮怎么办', '党群服务中心', '2026-01-07',"
        " now() - interval '1 day', now(), 'HELD', 3, 3, now())",
        meeting, row["kind"], series, compound, row["region_id"], row["region_path"],
    )  # fmt: skip
    for made, position, source, before in (
        (item, 1, "RESIDENT", None), (again, 2, "CARRIED", item)
    ):  # fmt: skip
        await run(
            "insert into agenda_items (id, meeting_id, position, title, detail, source,"
            " proposer_id, proposer_public, carried_from_id) values ($1, $2, $3, '路灯', '', $4,"
            " $5, true, $6)",
            made, meeting, position, source, row["person_id"], before,
        )  # fmt: skip
    await run(
        "insert into agenda_items (id, meeting_id, position, title, detail, source,"
        " proposer_public, case_id) select $1, $2, 3, '井盖', '', 'CASE', false, $3"
        " where $3::uuid is not null",
        new_id(), meeting, row["reported"],
    )  # fmt: skip
    await run(
        "insert into agenda_households (meeting_id, item_id, house_unit_id) values ($1, $2, $3)",
        meeting, item, row["house_unit_id"],
    )  # fmt: skip
    await run(
        "insert into read_backs (id, meeting_id, item_id, position, outcome)"
        " values ($1, $2, $3, 1, 'DEFERRED')",
        new_id(), meeting, item,
    )  # fmt: skip
    await run(
        "insert into attendances (id, meeting_id, kind, acting, chair, person_id, house_unit_id,"
        " capacity) values ($1, $2, 'RESIDENT', false, true, $3, $4, '居民代表')",
        attendee, meeting, row["person_id"], row["house_unit_id"],
    )  # fmt: skip
    await run(
        "insert into attendances (id, meeting_id, kind, acting, chair, organisation_id, name,"
        " capacity) select $1, $2, 'INVITED', false, false, o.id, '来宾', '区人大代表'"
        " from organisations o order by o.name limit 1",
        new_id(), meeting,
    )  # fmt: skip
    case = None if compound is not None else row["reported"]
    await run(
        "insert into resolutions (id, meeting_id, item_id, outcome, text, votes_for, votes_against,"
        " votes_abstained, seats_present, residents_present, adopted, case_id, decided_at)"
        " values ($1, $2, $3, $4, '', 3, 0, 0, 3, 3, true, $5, now())",
        new_id(), meeting, item, "TO_CASE" if case else "RESOLVED_ON_SITE", case,
    )  # fmt: skip
    await run("update meetings set state = 'MINUTED', minutes = '如上' where id = $1", meeting)
    await run(
        "insert into minute_signatures (id, meeting_id, attendance_id, on_paper, recorded_by,"
        " signed_at) values ($1, $2, $3, true, $4, now())",
        new_id(), meeting, attendee, row["member"],
    )  # fmt: skip
    await run("update meetings set state = 'SIGNED', content_hash = '' where id = $1", meeting)
    await run(
        "update meetings set state = 'PUBLISHED', published_at = now(),"
        " take_down_on = current_date + 16 where id = $1",
        meeting,
    )  # fmt: skip


async def _votes(run: Any, row: Any) -> None:
    """The owners are asked, and the homes; one has voted."""
    for table, ballots, columns, values, of_home in (
        ("owners_votes", "owners_ballots",
         "matter, majority, total_area_dm2, total_owners", "'FUND_USE', 'HALF', 10050, 1",
         "person_id, owner_key, area_dm2) values ($1, $2, 'FOR', true, $4, now(), $3, $3, 10050)"),
        ("household_polls", "household_ballots", "homes", "1",
         "person_id) values ($1, $2, 'FOR', true, $4, now(), $3)"),
    ):  # fmt: skip
        vote = new_id()
        await run(
            "insert into " + table + " (id, compound_id, region_id, region_path, title, question,"
            f" announced_at, opens_at, closes_at, state, {columns}) values ($1, $2, $3, $4, '维修',"
            f" '是否同意', now(), now(), now() + interval '9 days', 'OPEN', {values})",
            vote, row["id"], row["region_id"], row["region_path"],
        )  # fmt: skip
        await run(
            "insert into " + ballots + " (vote_id, house_unit_id, choice, on_paper, recorded_by,"
            " cast_at, " + of_home,
            vote, row["house_unit_id"], row["person_id"], row["member"],
        )  # fmt: skip
