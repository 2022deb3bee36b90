"""What a PostgreSQL server must be before anything is made on it or served from it."""

from __future__ import annotations

from typing import Any

OLDEST_MAJOR = 15
# Earlier releases show hidden rows through planner statistics (CVE-2025-8713).
OLDEST_MINOR = {15: 14, 16: 10, 17: 6}


class UnsafeDatabase(Exception):
    """The application must not work on this connection; the text is a Chinese sentence that says
    what is wrong and what to do."""


async def check_settings(connection: Any) -> None:
    """The server is new enough and does not lose what it has acknowledged."""
    check_version(int(await connection.fetchval("select current_setting('server_version_num')")))
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if await connection.fetchval("select current_setting($1)", name) == "off":
            raise UnsafeDatabase(
                f"数据库关闭了 {name},断电会丢失已确认的数据。"
                f"请在 postgresql.conf(或该角色、该库的设置)中把 {name} 设为 on。"
            )


def check_version(number: int) -> None:
    """`server_version_num` is of a release that keeps row-level security tight."""
    major, minor = divmod(number, 10_000)
    if major < OLDEST_MAJOR:
        raise UnsafeDatabase(f"PostgreSQL {major} 太旧,请升级到 {OLDEST_MAJOR} 或更高版本。")
    if minor < OLDEST_MINOR.get(major, 0):
        raise UnsafeDatabase(
            f"PostgreSQL {major}.{minor} 有会泄露行数据的已知漏洞(CVE-2025-8713),"
            f"请升级到 {major}.{OLDEST_MINOR[major]} 或更高版本。"
        )
