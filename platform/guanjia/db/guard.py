"""What the server refuses to start on: a role or a server on which the walls would not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guanjia.db import catalogue
from guanjia.db.migrate import declared_grants, pending
from guanjia.db.requirements import UnsafeDatabase, check_settings

_SHOWN = 5


async def check_server(connection: Any, modules: Sequence[str]) -> None:
    """The connection's role, its server and the database's walls are as they must be, or
    `UnsafeDatabase`."""
    await check_role(connection)
    await check_settings(connection)
    missing = await pending(connection, modules)
    if missing:
        raise UnsafeDatabase(
            f"数据库缺少迁移 {_listed(missing)}。请先运行 guanjia migrate,再启动服务。"
        )
    faults = await catalogue.faults(connection, declared_grants(modules))
    if faults:
        raise UnsafeDatabase(
            f"数据库的租户隔离不完整:{_listed([fault.sentence for fault in faults])}"
            "请撤销迁移之外对数据库结构和权限的改动,再启动服务。"
        )


async def check_role(connection: Any) -> None:
    """The role is one of the application's, holds no privilege of its own and can become no role
    that does."""
    role = await connection.fetchval("select session_user::text")
    advice = "请让 GUANJIA_DATABASE_URL 使用角色 app_rw、GUANJIA_READ_DATABASE_URL 使用 app_ro。"
    rows = await connection.fetch(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
        " from pg_roles where pg_has_role(session_user, oid, 'member')"
        " order by rolname <> session_user"
    )
    for row in rows:
        name = role if row["rolname"] == role else f"{role}(属于角色 {row['rolname']})"
        if row["rolsuper"]:
            raise UnsafeDatabase(f"数据库用户 {name} 是超级用户,不受租户隔离约束。{advice}")
        if row["rolbypassrls"]:
            raise UnsafeDatabase(f"数据库用户 {name} 有 BYPASSRLS,不受租户隔离约束。{advice}")
        if row["rolcreaterole"] or row["rolcreatedb"] or row["rolreplication"]:
            raise UnsafeDatabase(f"数据库用户 {name} 可建角色、建库或复制,权限过大。{advice}")
    owned = await connection.fetchval(
        "select 'database' from pg_database where datname = current_database()"
        " and pg_has_role(session_user, datdba, 'member')"
        " union all select relname::text from pg_class where relkind in ('r', 'p')"
        " and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        " and pg_has_role(session_user, relowner, 'member') limit 1"
    )
    if owned is not None:
        what = "数据库" if owned == "database" else f"表 {owned} "
        raise UnsafeDatabase(f"数据库用户 {role} 是{what}的所有者,可以拆除租户隔离。{advice}")
    if role not in catalogue.APPLICATION_ROLES:
        raise UnsafeDatabase(f"数据库用户 {role} 不是本系统的角色,看不到任何数据。{advice}")
    if len(rows) > 1:
        others = [row["rolname"] for row in rows if row["rolname"] != role]
        raise UnsafeDatabase(
            f"数据库用户 {role} 还属于角色 {_listed(others)}。请执行 revoke 收回这些成员关系。"
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return "、".join(names[:_SHOWN]) + (f" 等 {len(names)} 项" if more > 0 else "")
