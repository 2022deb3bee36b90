"""The article's three cases, told as steps of those whose steps they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guanjia.demo.homes import BUILDINGS
from guanjia.demo.people import BUILDER, GRID_MAKENG, GRID_XIMENQIAO, GRID_YANFU
from guanjia.demo.whistles import Called, Whistled


@dataclass(frozen=True, slots=True)
class Step:
    """At a local time, somebody does something. `given` may name an organisation by `@name`, a
    building of 珑樾台 by `#name`; `before` it, a whistle is sounded, attended, answered, scored."""

    when: str
    who: str
    action: str
    given: dict[str, Any] = field(default_factory=dict)
    before: Whistled | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A case is opened by the resolution of a meeting: the item becomes its title."""

    title: str
    detail: str
    location: str
    place: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tale:
    """A case: what was reported of it before, how it is opened, and what follows."""

    key: str
    opened: Step | Resolved
    category: str
    region: str
    steps: Sequence[Step | Joined | Linked]
    reports: Sequence[Tale] = ()

    @property
    def title(self) -> str:
        if isinstance(self.opened, Resolved):
            return self.opened.title
        said: str = self.opened.given["title"]
        return said


@dataclass(frozen=True, slots=True)
class Joined:
    """Another report of the same matter: `who` finds it near by and joins it with the case."""

    when: str
    who: str
    report: Tale


@dataclass(frozen=True, slots=True)
class Linked:
    """An external party, which has no account, does something by its task link. `issuer` gives it
    the link where it has none yet."""

    when: str
    issuer: str
    organisation: str
    action: str
    given: dict[str, Any] = field(default_factory=dict)


HOUSING, CITY = "@延平区住房和城乡建设局", "@延平区城市管理局"
ENVIRONMENT, OF_BUILDER = "@延平区生态环境局", f"@{BUILDER}"
NOBODY_PHOTO = "噪音问题,以录音为证"

_POOL = (118.1722, 26.6421)
TO_STREET = Whistled(
    "demo-noise-l2",
    "2026-03-02 10:30",
    "wang.fang",
    "L2",
    "STREET_FORCE",
    "涉及建设单位,请街道到场协调",
    _POOL,
    (
        Called(
            "四鹤街道办事处",
            "wei.gang",
            "2026-03-02 11:00",
            "到场查看,召集物业与业主代表",
            "2026-03-02 14:00",
            "须住建部门牵头,报区级",
        ),
    ),
    "2026-03-02 14:20",
)
TO_DEPARTMENTS = Whistled(
    "demo-noise-l3",
    "2026-03-03 09:10",
    "lin.tao",
    "L3",
    "BEYOND_MEANS",
    "300多户反映夜间噪音,请住建、城管到场",
    _POOL,
    (
        Called(
            HOUSING.removeprefix("@"),
            "zhu.jian",
            "2026-03-03 10:00",
            "现场检测噪音",
            "2026-03-05 09:00",
            "已与建设单位商定降噪方案",
        ),
        Called(
            CITY.removeprefix("@"),
            "cheng.lin",
            "2026-03-03 10:20",
            "查看施工条件",
            "2026-03-05 09:10",
            "施工占道手续随到随办",
        ),
    ),
    "2026-03-05 09:30",
)

NOISE = Tale(
    "demo-noise",
    Step(
        "2026-03-02 09:10",
        "shen.lan",
        "openCase",
        {
            "title": "2个消力池噪音扰民",
            "description": "碧桂园·珑樾台小区业主反映消力池运行噪音影响休息。",
            "location": "碧桂园·珑樾台小区消力池",
            "component": "消力池",
            "componentCount": 2,
            "longitude": _POOL[0],
            "latitude": _POOL[1],
            "source": "BUILDING_STEWARD",
            "noPhotoReason": NOBODY_PHOTO,
        },
    ),
    "P-01",
    GRID_XIMENQIAO,
    (
        Step("2026-03-02 10:00", "wang.fang", "fileCase", {"note": "多户反映,立案"}),
        Step(
            "2026-03-02 10:20", "wang.fang", "escalateCase", {"reason": "涉及建设单位,社区无力解决"}
        ),
        Step(
            "2026-03-02 14:40",
            "lin.tao",
            "escalateCase",
            {"reason": "需住建部门牵头整改"},
            before=TO_STREET,
        ),
        Step(
            "2026-03-02 15:20",
            "zheng.ke",
            "dispatchCase",
            # To whom is said by the routing table.
            {"note": "会同建设单位制定整改方案"},
        ),
        Step(
            "2026-03-02 15:30",
            "zheng.ke",
            "assignPart",
            {"organisationId": OF_BUILDER, "task": "落实改造资金,更换消力池构件"},
        ),
        Step("2026-03-02 16:30", "zhu.jian", "acceptCase"),
        Linked("2026-03-02 17:00", "zheng.ke", OF_BUILDER, "acceptTask"),
        Step(
            "2026-03-03 09:00", "zhu.jian", "startCase", {"plan": "现场检测,与建设单位商定降噪方案"}
        ),
        Step(
            "2026-03-05 10:00",
            "zhu.jian",
            "requestSuspension",
            {
                "reason": "FUNDING_NEEDED",
                "plan": "建设单位落实改造资金,更换消力池构件并加隔音",
                "reviewAt": "2026-04-02T10:00:00+08:00",
            },
            before=TO_DEPARTMENTS,
        ),
        Step("2026-03-05 15:00", "wu.qiang", "approveSuspension", {"approved": True}),
        Step(
            "2026-03-20 09:00",
            "wu.qiang",
            "superviseCase",
            {"reason": "涉及300多户,按月督办", "answerBy": "2026-04-10T17:30:00+08:00"},
        ),
        Linked(
            "2026-03-25 10:00", "zheng.ke", OF_BUILDER, "reportTask", {"note": "构件到货,开始安装"}
        ),
        Step("2026-04-01 09:00", "zhu.jian", "resumeCase", {"note": "资金到位,开工"}),
        Step("2026-04-07 16:00", "cheng.lin", "completePart", {"note": "施工占道手续办结"}),
        Step("2026-04-07 16:20", "wu.ye", "completePart", {"note": "已通知业主,配合施工"}),
        Linked(
            "2026-04-07 16:40", "zheng.ke", OF_BUILDER, "completeTask", {"note": "构件已全部更换"}
        ),
        Step(
            "2026-04-07 17:00",
            "zheng.ke",
            "releasePart",
            {"organisationId": ENVIRONMENT, "reason": "复测已委托检测机构"},
        ),
        Step(
            "2026-04-08 16:00",
            "zhu.jian",
            "giveFeedback",
            {"result": "两个消力池改造完成,复测达标", "noPhotoReason": "附检测数据,照片另存"},
        ),
        Step(
            "2026-04-09 10:00", "he.cha", "checkCase", {"passed": True, "note": "夜间复测符合要求"}
        ),
        Step("2026-04-09 10:30", "wu.qiang", "releaseSupervision", {"reason": "整改完成,复测达标"}),
        Step(
            "2026-04-09 10:40",
            "wang.fang",
            "nameAffectedBuildings",
            {"affectedBuildingIds": [f"#{building}" for building in BUILDINGS]},
        ),
        Step(
            "2026-04-09 11:00",
            "zheng.ke",
            "closeCase",
            {
                "callback": "已回访楼栋网格员与业主代表",
                "surveyTitle": "消力池噪音整改满意度调查",
            },
        ),
        Step("2026-04-17 09:00", "zheng.ke", "finishEvaluation"),
        Step("2026-04-27 09:00", "aud", "archiveCase"),
    ),
)

# Some 15 metres apart, as people stand on two sides of one shed. The places are the demo's own:
# near the compound, not surveyed.
SHED_REPORTS = tuple(
    Tale(
        key,
        Step(
            f"2026-05-11 {when}", who, "openCase",
            {
                "title": title, "location": location, "longitude": longitude, "latitude": latitude,
                "source": "RESIDENT", "noPhotoReason": "手机无法拍照",
            },
        ),
        "P-02",
        GRID_YANFU,
        (Step(f"2026-05-11 {verified}", "wang.fang", "verifyCase", {"note": note}),),
    )
    for key, when, who, title, location, longitude, latitude, verified, note in (
        ("demo-shed-report-1", "08:40", "ju.min", "自行车棚倾斜,有倒塌危险",
         "延府豪庭小区斜对面马路", 118.1743, 26.6381, "08:55", "现场属实,已拉警戒线"),
        ("demo-shed-report-2", "08:58", "lin.ju", "路边车棚歪了,很危险",
         "延府豪庭对面人行道", 118.1744, 26.6382, "09:05", "与前一件为同一车棚,警戒线已拉"),
    )
)  # fmt: skip

SHED = Tale(
    "demo-shed",
    Resolved(
        "延府豪庭斜对面停车棚锈蚀倾斜,尽快拆除",
        "路边停车棚立柱锈蚀倾斜,多户居民反映,行人经过有危险。",
        "延府豪庭小区斜对面马路",
        (118.1743, 26.6381),
    ),
    "P-02",
    GRID_YANFU,
    (
        *(
            Joined(f"2026-05-12 10:1{minute}", "wang.fang", report)
            for minute, report in enumerate(SHED_REPORTS)
        ),
        Step("2026-05-12 10:15", "wang.fang", "fileCase", {"note": "危险构筑物"}),
        Step(
            "2026-05-12 10:20", "wang.fang", "escalateCase", {"reason": "在小区红线之外,须街道处置"}
        ),
        Step("2026-05-12 10:30", "lin.tao", "dispatchCase", {"organisationId": "@四鹤街道办事处"}),
        Step("2026-05-12 10:45", "wei.gang", "acceptCase"),
        Step("2026-05-12 11:00", "wei.gang", "startCase", {"plan": "先围挡,再会同权属人拆除"}),
        Step(
            "2026-05-14 16:00",
            "wei.gang",
            "giveFeedback",
            {"result": "车棚已拆除,场地清理完毕", "cost": "3200.00", "noPhotoReason": "照片另存"},
        ),
        Step("2026-05-15 09:00", "xu.cha", "checkCase", {"passed": True, "note": "现场已无隐患"}),
        Step("2026-05-15 10:00", "lin.tao", "closeCase", {"callback": "已电话回访上报居民"}),
        Step("2026-05-25 09:00", "lin.tao", "finishEvaluation"),
        Step("2026-06-02 09:00", "aud", "archiveCase"),
    ),
    SHED_REPORTS,
)

SURVEYED_ON_SITE = "现场踏勘记录:后山道路夜间无照明,居民步行经过,拟沿路装灯"

HILLSIDE = Tale(
    "demo-hillside",
    Resolved(
        "创世纪小区后山道路安装路灯",
        "居民反映后山道路夜间无灯,出行不便。",
        "马坑社区创世纪小区后山",
        (118.1821, 26.6467),
    ),
    "C01-02",
    GRID_MAKENG,
    (
        Step("2026-06-03 16:40", "xie.jun", "verifyCase", {"note": SURVEYED_ON_SITE}),
        Step("2026-06-03 17:00", "zhao.min", "fileCase", {"note": "议事决议转办,踏勘属实"}),
        Step("2026-06-03 17:10", "zhao.min", "escalateCase", {"reason": "新建亮化须城管部门立项"}),
        Step("2026-06-04 09:00", "lin.tao", "escalateCase", {"reason": "须区级部门承办"}),
        Step("2026-06-04 09:40", "zheng.ke", "dispatchCase", {"organisationId": CITY}),
        Step("2026-06-04 11:00", "cheng.lin", "acceptCase"),
        Step(
            "2026-06-04 15:00",
            "cheng.lin",
            "startCase",
            {"plan": "路灯亮化工程方案:新装路灯并接入管护"},
        ),
        Step(
            "2026-06-05 10:00",
            "cheng.lin",
            "requestSuspension",
            {
                "reason": "FUNDING_NEEDED",
                "plan": "列入亮化工程计划,组织施工",
                "reviewAt": "2026-07-03T10:00:00+08:00",
            },
        ),
        Step("2026-06-05 11:00", "wu.qiang", "approveSuspension", {"approved": True}),
        Step("2026-06-29 09:00", "cheng.lin", "resumeCase", {"note": "路灯安装完成,调试"}),
        Step(
            "2026-06-29 16:00",
            "cheng.lin",
            "giveFeedback",
            {"result": "后山路灯安装完成", "noPhotoReason": "夜间照片另存"},
        ),
        Step(
            "2026-06-30 09:00",
            "he.cha",
            "checkCase",
            {"passed": False, "failedItem": "末端两盏不亮"},
        ),
        Step("2026-06-30 10:00", "cheng.lin", "startCase"),
        Step(
            "2026-06-30 17:00",
            "cheng.lin",
            "giveFeedback",
            {"result": "两盏已修复,全线点亮", "noPhotoReason": "夜间照片另存"},
        ),
        Step("2026-07-01 10:00", "he.cha", "checkCase", {"passed": True, "note": "夜间逐盏查看"}),
        Step("2026-07-01 11:00", "zheng.ke", "closeCase", {"callback": "已向民生驿站反馈"}),
        Step("2026-07-13 09:00", "zheng.ke", "finishEvaluation"),
        Step("2026-07-21 09:00", "aud", "archiveCase"),
    ),
)
TALES = (NOISE, SHED, HILLSIDE)
