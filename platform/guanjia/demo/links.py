"""The developer of 珑樾台 works by a task link; and whom the case of the noise went to."""

from __future__ import annotations

import datetime as dt
from typing import Any

from guanjia.demo.people import Places
from guanjia.demo.stage import Failed, Stage
from guanjia.demo.tales import NOISE, Linked

LASTING = dt.timedelta(days=60)
DISPATCHER = "zheng.ke"
KINDS = {"LEAD": "主办", "ASSIST": "协办"}
PARTS = {"RELEASED": "(已解除)", "OPEN": "(未完成)"}
SHOWN = (
    "query ($id: ID!) { explainDispatch(caseId: $id) { rule }"
    " case(id: $id) { assignments { role partState organisation { name } } }"
    " taskLinks(filter: { case: { in: [$id] } }) { nodes { uses } }"
    " routingGaps { totalCount } }"
)


async def take(stage: Stage, places: Places, step: Linked, case_id: str) -> None:
    """The step by the link, which is given out anew where this run does not know its secret."""
    stage.move_to(step.when)
    key = f"{case_id} {step.organisation}"
    if key not in stage.links:
        stage.links[key] = await _issued(stage, places, step, case_id)
    secret = stage.links[key]
    tasks = (await stage.ask_by_link(secret, "{ tasks { nodes { id } } }"))["tasks"]["nodes"]
    name = step.action
    document = (
        f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input)"
        " { userErrors { code message } } }"
    )
    given = {"id": tasks[0]["id"], **step.given}
    payload = (await stage.ask_by_link(secret, document, {"input": given}))[name]
    if payload["userErrors"]:
        raise Failed(f"{step.organisation} {name}:{payload['userErrors'][0]['message']}")


async def _issued(stage: Stage, places: Places, step: Linked, case_id: str) -> str:
    assert stage.at is not None
    found = await stage.ask(
        step.issuer, "query ($id: ID!) { case(id: $id) { id version } }", {"id": case_id}
    )
    issued = await stage.do(
        step.issuer,
        "issueTaskLink",
        {
            **found["case"],
            "organisationId": places.organisations[step.organisation.removeprefix("@")],
            "expiresAt": (stage.at + LASTING).isoformat(),
        },
        "token",
    )
    token: str = issued["token"]
    return token


async def show(stage: Stage) -> str:
    """Whom the case of the noise went to, and by which rule; a line for the terminal."""
    title = NOISE.title
    found = await stage.ask(
        DISPATCHER,
        "query ($text: String) { cases(filter: { search: $text }) { nodes { id number title } } }",
        {"text": title},
    )
    case: dict[str, Any] = found["cases"]["nodes"][0]
    told = await stage.ask(DISPATCHER, SHOWN, {"id": case["id"]})
    units = "、".join(
        f"{KINDS[each['role']]}{each['organisation']['name']}{PARTS.get(each['partState'], '')}"
        for each in told["case"]["assignments"]
    )
    uses = sum(link["uses"] for link in told["taskLinks"]["nodes"])
    return (
        f"演示派遣:{case['number']} {case['title']},{told['explainDispatch']['rule']}:{units};"
        f"建设单位凭任务链接办理(使用 {uses} 次);"
        f"尚无单位主办的(社区,类别)共 {told['routingGaps']['totalCount']} 对"
    )
