"""The queue in the API: the system administrator sees it and has a job tried again."""

from __future__ import annotations

from typing import Any

from tests.api.population import populate_jobs

JOBS = (
    "query ($f: JobsFilter) { jobs(filter: $f, orderBy: OLDEST) { totalCount nodes { id kind title"
    " state attempts dueAt finishedAt lagSeconds errorCode errorMessage } } }"
)
STOPPED = {"f": {"state": {"in": ["DEAD"]}}}


async def test_what_stopped_is_seen_and_tried_again(town: Any) -> None:
    await populate_jobs(town)
    system, auditor = await town.person("SYS"), await town.person("AUD")
    assert (await system.data(JOBS))["jobs"]["totalCount"] == 2
    (job,) = (await system.data(JOBS, STOPPED))["jobs"]["nodes"]
    assert (job["state"], job["lagSeconds"]) == ("DEAD", 24 * 3600)
    done = await system.done("retryJob", "job { id state attempts finishedAt }", id=job["id"])
    assert done["job"] == {
        "id": job["id"], "state": "WAITING", "attempts": 0, "finishedAt": None,
    }  # fmt: skip
    assert (await system.data(JOBS, STOPPED))["jobs"]["totalCount"] == 0
    records = await auditor.data("{ auditRecords(first: 1) { nodes { action objectId actorId } } }")
    assert records["auditRecords"]["nodes"] == [
        {"action": "job.retry", "objectId": job["id"], "actorId": str(system.membership)}
    ]


async def test_what_stopped_of_one_kind_is_tried_again_at_once(town: Any, make_town: Any) -> None:
    """As after a gateway's outage: hundreds stopped, for one reason that is over."""
    other = await make_town()
    for each in (town, town, other):
        await populate_jobs(each)
    system, stranger = await town.person("SYS"), await other.person("SYS")
    assert (await system.data(JOBS, {"f": {"kind": {"in": ["job.none"]}}}))["jobs"][
        "totalCount"
    ] == 0
    of_kind = {"f": {**STOPPED["f"], "kind": {"in": ["job.sweep"]}}}
    assert (await system.data(JOBS, of_kind))["jobs"]["totalCount"] == 2
    for kind, retried in (("job.none", 0), ("job.sweep", 2), ("job.sweep", 0)):
        payload = await system.do("retryStoppedJobs", {"kind": kind}, "retried")
        assert payload["retried"] == retried, payload
    waiting = (await system.data(JOBS, {"f": {"state": {"in": ["WAITING"]}}}))["jobs"]["nodes"]
    assert [job["attempts"] for job in waiting] == [0, 0]
    assert (await stranger.data(JOBS, STOPPED))["jobs"]["totalCount"] == 1
    records = await (await town.person("AUD")).data(
        "{ auditRecords(first: 9) { nodes { action detail actorId } } }"
    )
    found = [each for each in records["auditRecords"]["nodes"] if "retry" in each["action"]]
    assert [(each["action"], each["actorId"]) for each in found] == [
        ("job.retry_stopped", str(system.membership))
    ]


async def test_what_is_done_or_elsewhere_cannot_be_retried(town: Any, make_town: Any) -> None:
    await populate_jobs(town)
    system = await town.person("SYS")
    (done,) = (await system.data(JOBS, {"f": {"state": {"in": ["DONE"]}}}))["jobs"]["nodes"]
    assert await system.refused("retryJob", id=done["id"]) == "CONFLICT"
    assert await system.refused("retryJob", id="x") == "BAD_USER_INPUT"
    other = await (await make_town()).person("SYS")
    assert (await other.data(JOBS))["jobs"]["totalCount"] == 0
    assert await other.refused("retryJob", id=done["id"]) == "NOT_FOUND"


async def test_only_the_system_administrator_sees_the_queue(town: Any) -> None:
    for role in ("SEC", "AUD", "DCMD", "DSUP"):
        person = await town.person(role)
        assert await person.code(JOBS) == "FORBIDDEN"
        for name, given in (("retryJob", {"id": "x"}), ("retryStoppedJobs", {"kind": "x"})):
            answer = await person.payload(name, given)
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
