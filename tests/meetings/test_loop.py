"""From the meeting to the company and back, in one operation each, for whoever may see what."""

from __future__ import annotations

from typing import Any

from tests.api.test_reading import agreed, both
from tests.meetings.conftest import Parlour

FORTH = (
    "query ($m: ID!) { meeting(id: $m) { title items { title resolutions { outcome case { number"
    " affectedHomes timeline { nodes { title } } survey { satisfaction { answered rate } }"
    " compound { name company { name } } whistles { calls { organisation { name } } } } }"
    " } } }"
)
BACK = (
    "{ propertyCompanies { nodes { name contracts { nodes { compound { cases { totalCount nodes"
    " { number survey { satisfaction { answered } } meetingItem { title meeting { title } } } } } }"
    " } } } }"
)
FROM_SURVEY = (
    "{ surveys { nodes { satisfaction { answered } case { number handler { cases { nodes"
    " { number } } } compound { company { name } } meetingItem { meeting { title } } } } } }"
)


async def told(person: Any, query: str, variables: Any = None) -> Any:
    """The data, the same by the compiled path and by the stock executor."""
    assert agreed(query, await both(person, query, variables))
    return await person.data(query, variables)


async def test_the_loop_is_walked_both_ways(parlour: Parlour, admin: Any) -> None:
    meeting = await parlour.held("小区门口井盖破损", houseUnitIds=parlour.homes[:3])
    decision = parlour.decision(meeting, outcome="TO_CASE", categoryId=await parlour.category())
    meeting = await parlour.decided(meeting, decision)
    made = meeting["items"][0]["resolutions"][0]["case"]
    await parlour.house.company_branch()
    town = parlour.town
    department = await town.person("DEPT", "district", "住建局")
    bureau = await town.organisation("住建局")
    for statement, arguments in (
        ("update cases set state = 'EVALUATED', stage = 'EVALUATING', closed_at = now(),"
         " handler_id = $2 where id::text = $1", (made["id"], bureau)),
        ("insert into case_assignments (tenant_id, id, case_id, region_path, reporter_id,"
         " organisation_id, role, assigned_at) select tenant_id, gen_random_uuid(), id,"
         " region_path, reporter_id, $2, 'LEAD', now() from cases where id::text = $1",
         (made["id"], bureau)),
        ("insert into surveys (tenant_id, id, kind, subject_id, round, title, region_id,"
         " region_path, state, opened_at, closes_at, uploads_until, closed_at, asked, answered,"
         " satisfied) select tenant_id, gen_random_uuid(), 'CASE', id, 1, title, region_id,"
         " region_path, 'CLOSED', now(), now(), now(), now(), 4, 3, 3 from cases"
         " where id::text = $1", (made["id"],)),
    ):  # fmt: skip
        await admin.execute(statement, *arguments)
    number, secretary = made["number"], parlour.secretary

    found = await told(secretary, FORTH, {"m": meeting["id"]})
    [item] = found["meeting"]["items"]
    case = item["resolutions"][0]["case"]
    assert case["timeline"]["nodes"][0]["title"] == "上报"
    case.pop("timeline")
    assert case.pop("whistles") == []
    assert case == {
        "number": number, "survey": {"satisfaction": {"answered": 3, "rate": 100}},
        "affectedHomes": 3, "compound": {"name": "珑樾台", "company": {"name": "甲物业"}},
    }  # fmt: skip
    found = await told(secretary, BACK)
    [company] = found["propertyCompanies"]["nodes"]
    [contract] = company["contracts"]["nodes"]
    assert contract["compound"]["cases"] == {
        "totalCount": 1,
        "nodes": [
            {
                "number": number, "survey": {"satisfaction": {"answered": 3}},
                "meetingItem": {"title": "小区门口井盖破损", "meeting": {"title": "议事会议"}},
            }
        ],
    }  # fmt: skip
    [survey] = (await told(secretary, FROM_SURVEY))["surveys"]["nodes"]
    assert survey["case"] == {
        "number": number, "handler": {"cases": {"nodes": [{"number": number}]}},
        "compound": {"company": {"name": "甲物业"}},
        "meetingItem": {"meeting": {"title": "议事会议"}},
    }  # fmt: skip

    # The same question from elsewhere: nothing of it, and from the bureau no more than its case.
    stranger = await town.person("CSEC", "south1")
    assert (await told(stranger, FORTH, {"m": meeting["id"]}))["meeting"] is None
    [company] = (await told(stranger, BACK))["propertyCompanies"]["nodes"]
    assert company["contracts"]["nodes"] == []
    assert (await told(stranger, FROM_SURVEY))["surveys"]["nodes"] == []
    seen = await told(
        department,
        "{ cases { nodes { number survey { satisfaction { answered } answers { totalCount } }"
        " compound { name } meetingItem { title } } } }",
    )
    assert seen["cases"]["nodes"] == [
        {
            "number": number, "compound": None, "meetingItem": None,
            "survey": {"satisfaction": {"answered": 3}, "answers": {"totalCount": 0}},
        }
    ]  # fmt: skip
