"""Surveys in a town that is walked, and the queries that read them in every form."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from guanjia.db.ids import new_id

DOCUMENTS: list[tuple[str, Any]] = [
    (
        "{ surveys(first: 10) { totalCount nodes { id title round state openedAt closesAt"
        " uploadsUntil closedAt version region { name } satisfaction { id asked answered satisfied"
        " partly dissatisfied rate lowerBound } targets(first: 5) { totalCount nodes { label"
        " answered channel answeredAt receivedAt longitude latitude codeIssuedAt holder"
        " collector { displayName } houseUnit { label } survey { title } } } answers { totalCount"
        " nodes { choice comment } } } } }",
        None,
    ),
    (
        "query ($f: SurveyTargetFilter) { surveyTargets(filter: $f, orderBy: LABEL) { totalCount"
        " nodes { label answered } } }",
        {"f": {"answered": False}},
    ),
    (
        "{ surveys(filter: { open: true }, orderBy: NEWEST) { nodes { title satisfaction { rate }"
        " } } cases { nodes { number survey { title satisfaction { answered rate lowerBound } } } }"
        " }",
        None,
    ),
    ("{ surveyKinds { nodes { code title uploadHours source version } } }", None),
]


async def populate_surveys(town: Any) -> None:
    """Each reported case affects the homes of its community. At each compound a survey of a case
    there, and a second one that runs, ask the home, which answered at its door, and somebody
    without a home, who has not."""
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        run, fetch = transaction.connection.execute, transaction.connection.fetch
        rows = await fetch(
            "select c.region_id, c.region_path, b.house_unit_id, (select m.id from memberships m"
            " limit 1) as member, (select k.id from cases k where k.community_path = c.region_path"
            " order by k.id limit 1) as subject from compounds c join house_bindings b"
            " on b.compound_id = c.id"
        )
        for row, number in [(row, number) for row in rows for number in (1, 2)]:
            survey, home = new_id(), new_id()
            await run(
                "insert into surveys (id, kind, subject_id, round, title, region_id, region_path,"
                " state, opened_at, closes_at, uploads_until, closed_at, asked, answered,"
                " satisfied) values ($1, 'CASE', $2, $5, '处置满意度', $3, $4,"
                " (array['CLOSED', 'OPEN'])[$5], now(), now() + interval '7 days',"
                " now() + interval '9 days', case $5 when 1 then now() end, 2, 1, 1)",
                survey, row["subject"] or survey, row["region_id"], row["region_path"], number,
            )  # fmt: skip
            for target, unit, member, label in (
                (home, row["house_unit_id"], None, "1幢101"),
                (new_id(), None, row["member"], "上报人"),
            ):
                await run(
                    "insert into survey_targets (id, survey_id, house_unit_id, membership_id,"
                    " label) values ($1, $2, $3, $4, $5)",
                    target, survey, unit, member, label,
                )  # fmt: skip
            await run(
                "insert into survey_answers (id, survey_id, target_id, choice, comment, channel,"
                " client_key, answered_at, received_at, collected_by, longitude, latitude)"
                " values ($1, $2, $3, 'SATISFIED', '好', 'DOOR', $1, now(), now(), $4, 118.178,"
                " 26.641)",
                uuid4(), survey, home, row["member"],
            )  # fmt: skip
        for table, column, found in (
            ("case_homes", "house_unit_id", "h.id"),
            ("case_buildings", "building_id", "h.building_id"),
        ):  # fmt: skip
            await run(
                f"insert into {table} (id, case_id, {column}) select gen_random_uuid(), k.id,"
                f" {found} from cases k join compounds c on c.region_path = k.community_path"
                " join house_units h on h.compound_id = c.id where k.state = 'REPORTED'"
                " on conflict do nothing"
            )
