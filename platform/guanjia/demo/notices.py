"""What the demo's people were told of the cases, and where it goes beside their inboxes."""

from __future__ import annotations

from guanjia.demo.stage import Stage

READERS = {"zhu.jian": "朱健", "wu.ye": "吴晔", "lin.tao": "林涛", "wang.fang": "王芳"}
WAYS = {"channels": ["FILE"], "quietFrom": "21:00", "quietUntil": "08:00", "keepDays": 3650}


async def offer(stage: Stage) -> None:
    """The district offers the file channel beside the inbox."""
    found = await stage.ask("sys", "{ noticeSettings { version } }")
    if found["noticeSettings"]["version"] == 0:
        await stage.do("sys", "setNoticeSettings", {"version": 0, **WAYS})


async def count(stage: Stage) -> str:
    """How many notices lie in the inboxes, in a line."""
    told = []
    for login, name in READERS.items():
        found = await stage.ask(login, "{ notifications { totalCount } }")
        told.append(f"{name} {found['notifications']['totalCount']} 条")
    folder = stage.world.settings.outbox_folder()
    return f"站内通知:{'、'.join(told)};经文件通道的消息由后台任务写入 {folder}"
