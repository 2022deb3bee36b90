"""Photos on cases: hung up with a step, read with the case, asked for in pairs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from tests.attachments.conftest import picture, sent

from guanjia.attachments.service import MOST_WAITING, sweep
from guanjia.attachments.store import Store
from guanjia.db.ids import new_id

PHOTOS = (
    "query ($id: ID!) { case(id: $id) { attachments { id purpose mediaType width fileName path"
    " thumbnailPath } } }"
)


async def reported(town: Any, person: Any, region: str, photos: list[str], **more: Any) -> Any:
    categories = await person.data(
        '{ caseCategories(filter: { code: { in: ["E01-02"] } }) { nodes { id photoPair } } }'
    )
    answer = await person.data(
        "mutation ($i: OpenCaseInput!) { openCase(input: $i)"
        " { case { id version } userErrors { code message field } } }",
        {"i": {
            "categoryId": categories["caseCategories"]["nodes"][0]["id"],
            "regionId": str(town.tenant.regions[region].id), "title": "暴露垃圾",
            "location": "北门", "source": "COMMUNITY", "attachmentIds": photos, **more,
        }},
    )  # fmt: skip
    return answer["openCase"]


async def test_a_photo_stands_for_the_reason_and_is_read_with_the_case(town: Any) -> None:
    clerk, south = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    none = await reported(town, clerk, "north1grid", [])
    assert none["userErrors"][0]["code"] == "MISSING_DATA"
    photo = await sent(clerk, picture())
    assert (await clerk.send("GET", f"/attachments/{photo}")).status_code == 200, "still one's own"
    assert (await south.send("GET", f"/attachments/{photo}")).status_code == 404
    made = await reported(town, clerk, "north1grid", [photo])
    assert made["userErrors"] == []
    shown = (await clerk.data(PHOTOS, {"id": made["case"]["id"]}))["case"]["attachments"]
    assert shown == [{
        "id": photo, "purpose": "BEFORE", "mediaType": "image/jpeg", "width": 60,
        "fileName": "现场.jpg", "path": f"/attachments/{photo}",
        "thumbnailPath": f"/attachments/{photo}/thumbnail",
    }]  # fmt: skip
    chief = await town.person("SCMD", "north")
    answer = await chief.send("GET", shown[0]["path"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content[:3] == b"\xff\xd8\xff"
    small = await chief.send("GET", shown[0]["thumbnailPath"])
    assert small.content[:3] == b"\xff\xd8\xff"
    for path in (shown[0]["path"], shown[0]["thumbnailPath"]):
        assert (await south.send("GET", path)).status_code == 404, "out of the case's reach"
        nobody = await town.person(None)
        assert (await nobody.send("GET", path)).status_code == 403
        nobody.token = None
        assert (await nobody.send("GET", path)).status_code == 401


async def test_only_ones_own_unused_files_can_be_hung_up(town: Any, make_town: Any) -> None:
    clerk, other = await town.person("COMM", "north1"), await town.person("COMM", "north1")
    stranger = await (await make_town()).person("COMM", "north1")
    photo, foreign = await sent(clerk, picture()), await sent(stranger, picture())
    for person, given in ((other, photo), (clerk, foreign), (clerk, str(new_id()))):
        refused = await reported(town, person, "north1grid", [given], noPhotoReason="夜间")
        assert refused["case"] is None
        assert (refused["userErrors"][0]["code"], refused["userErrors"][0]["field"]) == (
            "NOT_FOUND", ["attachmentIds"],
        )  # fmt: skip
    assert (await reported(town, clerk, "north1grid", [photo]))["userErrors"] == []
    again = await reported(town, clerk, "north1grid", [photo], noPhotoReason="夜间")
    assert again["userErrors"][0]["code"] == "NOT_FOUND", "it hangs already"
    answer = await stranger.send("GET", f"/attachments/{photo}")
    assert answer.status_code == 404


async def test_too_many_and_too_large(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    large = await clerk.send("POST", "/attachments", b"x" * 20_000_001, name="a.jpg")
    assert (large.status_code, "最多 20 MB" in large.text) == (413, True)
    wrong = await clerk.send("POST", "/attachments", b"%PDF-1.7", name="现场.jpg")
    assert wrong.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    photos = [await sent(clerk, picture((n + 1, 1))) for n in range(21)]
    many = await reported(town, clerk, "north1grid", photos)
    assert (many["case"], many["userErrors"][0]["message"][:9]) == (None, "附件最多 20 个")
    for n in range(21, MOST_WAITING):
        await sent(clerk, picture((n + 1, 1)))
    over = await clerk.send("POST", "/attachments", picture(), name="a.jpg")
    assert (over.status_code, "尚未使用" in over.text) == (413, True)


async def test_what_nobody_used_is_swept(town: Any, folder: Store, tmp_path: Any) -> None:
    clerk = await town.person("COMM", "north1")
    used, twice = await sent(clerk, picture()), await sent(clerk, picture())
    unused = await sent(clerk, picture(colour="red"))
    # Asked twice, in one line.
    files = lambda: sorted(p.name for p in (tmp_path / "kept").rglob("*.content"))  # noqa: E731
    assert len(files()) == 2, "the same photo lies once"
    await reported(town, clerk, "north1grid", [used])
    database, now = town.api.world.database, dt.datetime.now(dt.UTC)
    async with database.tenant_transaction(town.tenant.id) as transaction:
        assert await sweep(transaction, folder, now) == (0, 0), "a day is left to use them"
        assert await sweep(transaction, folder, now + dt.timedelta(hours=25)) == (2, 1)
    assert len(files()) == 1
    assert (await clerk.send("GET", f"/attachments/{used}")).status_code == 200
    for gone in (twice, unused):
        assert (await clerk.send("GET", f"/attachments/{gone}")).status_code == 404


@pytest.mark.parametrize("paired", [True, False])
async def test_a_pair_is_asked_for_where_the_category_does(
    town: Any, admin: Any, paired: bool
) -> None:
    await admin.execute(
        "update case_categories set photo_pair = $2 where tenant_id = $1 and code = 'E01-02'",
        town.tenant.id, paired,
    )  # fmt: skip
    clerk = await town.person("COMM", "north1")
    company = await town.organisation("甲物业", "PROPERTY_COMPANY")
    worker = await town.person("PROP", "north1", "甲物业")
    made = await reported(town, clerk, "north1grid", [await sent(clerk, picture())])
    case = made["case"]

    async def step(person: Any, name: str, kind: str, **given: Any) -> Any:
        answer = await person.data(
            f"mutation ($i: {kind}!) {{ {name}(input: $i)"
            " { case { version } userErrors { code message } } }",
            {"i": {"id": case["id"], "version": case["version"], **given}},
        )
        if answer[name]["case"]:
            case["version"] = answer[name]["case"]["version"]
        return answer[name]["userErrors"]

    await step(clerk, "fileCase", "FileCaseInput", notDuplicate=True)
    assert await step(clerk, "dispatchCase", "DispatchCaseInput", organisationId=str(company)) == []
    assert await step(worker, "acceptCase", "CaseStepInput") == []
    assert await step(worker, "startCase", "StartCaseInput", plan="清理") == []
    pdf = await sent(worker, b"%PDF-1.7\n%%EOF\n", "清单.pdf")
    without = await step(
        worker, "giveFeedback", "GiveFeedbackInput", result="已清理", attachmentIds=[pdf]
    )
    assert [error["code"] for error in without] == (["MISSING_DATA"] if paired else [])
    if paired:
        after = await sent(worker, picture(colour="green"), "处置后.jpg")
        assert await step(
            worker, "giveFeedback", "GiveFeedbackInput", result="已清理", attachmentIds=[after, pdf]
        ) == []  # fmt: skip
    shown = (await clerk.data(PHOTOS, {"id": case["id"]}))["case"]["attachments"]
    purposes = [a["purpose"] for a in shown]
    assert purposes == (["BEFORE", "AFTER", "AFTER"] if paired else ["BEFORE", "AFTER"])
