"""The people of the demo. Names are invented; places are the article's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guanjia.access import credentials
from guanjia.cases.service import seal_plain_contacts
from guanjia.demo.stage import Failed, Stage
from guanjia.people.vault import vault_of
from guanjia.tenancy.models import tenant_id

PASSWORD = "Yanshi-2026-guanjia"  # noqa: S105  # shown to whoever starts the demo

DISTRICT, STREET = "350702", "350702004"
XIMENQIAO, MAKENG = "350702004013", "350702004003"
GRID_OLD_QUARTER = XIMENQIAO + "005"
GRID_XIMENQIAO, GRID_MAKENG = XIMENQIAO + "001", MAKENG + "001"
GRID_YANFU = XIMENQIAO + "006"


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    name: str
    role: str
    region: str
    organisation: str | None = None
    kind: str = "STAFF"


GRIDS = (
    (XIMENQIAO, "珑樾台网格", 1),
    (XIMENQIAO, "珑樾台二网格", 2),
    (XIMENQIAO, "珑樾台三网格", 3),
    (XIMENQIAO, "珑樾台四网格", 4),
    (XIMENQIAO, "老宿舍网格", 5),
    (XIMENQIAO, "延府豪庭网格", 6),
    (MAKENG, "创世纪网格", 1),
)
BUILDINGS = {1: (1, 12), 2: (13, 20), 3: (21, 28), 4: (29, 38)}
"""The first and last building of 珑樾台 that each of its grids covers."""
SINCE = "2026-03-01 08:00"
"""Everybody's role began before the story does: the seats are held at the first meetings, and who
works on a case is told of it."""
COVERED_FROM = "2026-03-01"
COMPANY = ("碧桂园珑樾台物业服务中心(演示)", XIMENQIAO)
BUILDER = "某房地产开发公司(演示)"
"""The 建设单位 of 珑樾台: an external party, without an account."""
OWN_ROLE: dict[str, Any] = {
    "code": "X_PATROL",
    "title": "小区巡查员",
    "level": "COMMUNITY",
    "permissions": [
        {"permission": "case:report", "reach": "REGION"},
        {"permission": "case:read", "reach": "REGION"},
        {"permission": "case:read_events", "reach": "REGION"},
    ],
    "idempotencyKey": "demo",
}
"""A role of the district's own."""

STEWARDS = tuple(
    Person(f"lou.{building:02}", f"楼栋长{building:02}", "BLD", f"{XIMENQIAO}{grid:03}")
    for grid, (first, last) in BUILDINGS.items()
    for building in range(max(first, 2), last + 1)
)
"""With 沈岚 the 38 楼栋网格员 of 西门桥社区, one for each building."""

PEOPLE = {
    "yanping": (
        *STEWARDS,
        Person("shen.lan", "沈岚", "BLD", GRID_XIMENQIAO),
        Person("chen.hao", "陈浩", "GRID", GRID_XIMENQIAO),
        Person("sun.mei", "孙梅", "GRID", GRID_OLD_QUARTER),
        Person("ruan.ping", "阮平", "GRID", GRID_YANFU),
        Person("wang.fang", "王芳", "COMM", XIMENQIAO),
        Person("li.na", "李娜", "CSEC", XIMENQIAO),
        Person("zhao.min", "赵敏", "COMM", MAKENG),
        Person("zhou.lan", "周岚", "CSEC", MAKENG),
        Person("xie.jun", "谢军", "GRID", GRID_MAKENG),
        Person("lin.tao", "林涛", "SCMD", STREET),
        Person("huang.wei", "黄伟", "SLEAD", STREET),
        Person("wei.gang", "魏刚", "SCMD", STREET, "四鹤街道办事处"),
        Person("zheng.ke", "郑可", "DCMD", DISTRICT),
        Person("wu.qiang", "吴强", "DSUP", DISTRICT),
        Person("zhu.jian", "朱健", "DEPT", DISTRICT, "延平区住房和城乡建设局"),
        Person("luo.yi", "罗毅", "DEPTL", DISTRICT, "延平区住房和城乡建设局"),
        Person("cheng.lin", "程林", "DEPT", DISTRICT, "延平区城市管理局"),
        Person("jiang.hai", "江海", "PROP", XIMENQIAO, COMPANY[0]),
        Person("wu.ye", "吴晔", "PPB", XIMENQIAO, COMPANY[0]),
        Person("he.cha", "何察", "CHK", DISTRICT),
        Person("xu.cha", "许查", "CHK", STREET),
        Person("liang.xun", "梁巡", OWN_ROLE["code"], XIMENQIAO),
        Person("ju.min", "居敏", "RES", XIMENQIAO, kind="RESIDENT"),
        Person("lin.ju", "林菊", "RES", XIMENQIAO, kind="RESIDENT"),
    ),
    "zhaodong": (
        Person("sun.li", "孙丽", "COMM", "231282001003"),
        Person("gao.feng", "高峰", "DCMD", "231282"),
    ),
}


@dataclass
class Places:
    """Ids of the regions and organisations that the demo uses, by code and by name."""

    regions: dict[str, str]
    organisations: dict[str, str]
    buildings: dict[str, str] = field(default_factory=dict)
    """Those of 珑樾台."""


async def arrange(stage: Stage) -> Places:
    """Everybody has an account, a role at a place and, where due, an organisation. What a demo of
    an older version wrote in clear is sealed."""
    vault = vault_of(stage.world.settings)
    await seal_plain_contacts(stage.world.database, vault, tenant_id(stage.slug))
    people = PEOPLE[stage.slug]
    if stage.slug == "yanping":
        await _grids_and_company(stage)
        await stage.do("sec", "createRole", OWN_ROLE)
    codes = {person.region for person in people}
    if stage.slug == "yanping":
        codes |= {GRID_XIMENQIAO, GRID_YANFU, GRID_MAKENG}
    places = await _places(stage, sorted(codes), _organisations(people))
    members = await members_of(stage)
    stage.move_to(SINCE)
    for person in people:
        if person.name not in members:
            made = await stage.do(
                "sys",
                "createUser",
                {"loginName": person.login, "displayName": person.name, "kind": person.kind},
                "member { id }",
            )
            members[person.name] = (made["member"]["id"], set())
        member, roles = members[person.name]
        if person.role not in roles:
            await stage.do(
                "sec",
                "grantRole",
                {
                    "memberId": member,
                    "role": person.role,
                    "regionId": places.regions[person.region],
                    "reason": "演示",
                },
            )
        if person.organisation:
            await stage.do(
                "sys",
                "addOrganisationMember",
                {
                    "organisationId": places.organisations[person.organisation],
                    "memberId": member,
                },
            )
    stage.at = None
    await _passwords(stage)
    return places


def _organisations(people: Sequence[Person]) -> list[str | None]:
    """The organisations that the demo speaks of: those of its people, and who assists them."""
    named = [person.organisation for person in people]
    return [*named, BUILDER, "延平区生态环境局"] if COMPANY[0] in named else named


async def _passwords(stage: Stage) -> None:
    """Every account that would have to change its password has the demo's, but for the stewards:
    they are counted, and 38 times four password hashes are half of what the demo takes."""
    tenant, now = tenant_id(stage.slug), dt.datetime.now(dt.UTC)
    async with stage.world.database.tenant_transaction(tenant) as transaction:
        waiting = await transaction.connection.fetch(
            "select login_name from users where must_change_password and login_name <> all($1)"
            " order by login_name",
            [steward.login for steward in STEWARDS],
        )
    for (login,) in waiting:
        async with stage.world.database.tenant_transaction(tenant) as transaction:
            one_time = await credentials.reset_locally(transaction, login, now)
        stage.forget(login)
        await stage.do(
            login, "changePassword", {"oldPassword": one_time, "newPassword": PASSWORD}, "changed"
        )


def how_to_log_in(address: str) -> list[str]:
    """The lines printed when the demo serves."""
    return [
        "",
        f"管家已就绪:{address}/graphql(浏览器打开即为查询界面)",
        "请求头 X-Tenant: yanping 或 zhaodong",
        f"下列演示账号的密码均为 {PASSWORD}",
        "  wang.fang 西门桥社区工作者  shen.lan 楼栋网格员  lin.tao 街道调度员",
        "  zheng.ke 区级派遣员  wu.qiang 区级督办  huang.wei 街道分管领导",
        "  zhu.jian 住建局承办人  luo.yi 住建局负责人  jiang.hai 物业项目负责人",
        "  wu.ye 物业党支部  li.na 西门桥社区书记  zhao.min 马坑社区工作者",
        "  he.cha 区级核查员  ju.min 居民  (肇东:sun.li 社区工作者、gao.feng 区级派遣员)",
        "  sys、sec、aud 系统、安全、审计管理员",
        "按 Ctrl-C 停止。",
    ]


async def _grids_and_company(stage: Stage) -> None:
    places = await _places(stage, [community for community, _, _ in GRIDS], [])
    for community, name, sequence in GRIDS:
        await _unless_there(
            stage,
            "createGrid",
            {"communityId": places.regions[community], "name": name, "sequence": sequence},
        )
    name, community = COMPANY
    await _unless_there(
        stage,
        "createOrganisation",
        {"kind": "PROPERTY_COMPANY", "name": name, "regionId": places.regions[community]},
    )
    district = (await _places(stage, [DISTRICT], [])).regions[DISTRICT]
    await _unless_there(
        stage,
        "createOrganisation",
        {"kind": "EXTERNAL_PARTY", "name": BUILDER, "regionId": district},
    )


async def _unless_there(stage: Stage, name: str, given: dict[str, object]) -> None:
    try:
        await stage.do("sys", name, given)
    except Failed as failed:
        if "CONFLICT" not in str(failed):
            raise


async def _places(stage: Stage, codes: list[str], names: list[str | None]) -> Places:
    found = await stage.ask(
        "sys",
        "query ($codes: [String!]) { regions(first: 100, filter: { code: { in: $codes },"
        " inForce: true }) { nodes { id code } } }",
        {"codes": codes},
    )
    regions = {region["code"]: region["id"] for region in found["regions"]["nodes"]}
    organisations: dict[str, str] = {}
    after = None
    while any(name and name not in organisations for name in names):
        page = (
            await stage.ask(
                "sys",
                "query ($after: String) { organisations(first: 100, after: $after)"
                " { nodes { id name } pageInfo { hasNextPage endCursor } } }",
                {"after": after},
            )
        )["organisations"]
        organisations |= {o["name"]: o["id"] for o in page["nodes"]}
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return Places(regions, organisations)


async def members_of(stage: Stage) -> dict[str, tuple[str, set[str]]]:
    """Id and roles of every member by name."""
    known: dict[str, tuple[str, set[str]]] = {}
    after, more = None, True
    while more:
        found = await stage.ask(
            "sec",
            "query ($after: String) { members(first: 100, after: $after) { nodes { id displayName"
            " grants { role revokedAt } } pageInfo { hasNextPage endCursor } } }",
            {"after": after},
        )
        page = found["members"]
        known |= {
            m["displayName"]: (m["id"], {g["role"] for g in m["grants"] if not g["revokedAt"]})
            for m in page["nodes"]
        }
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return known
