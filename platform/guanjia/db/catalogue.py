"""The walls as PostgreSQL's catalogue shows them: one list of checks for the guard, the tests and
`tenant verify`. Each check is a statement that returns what is wrong, so no rows is good news.

Every table but the record of migrations is a tenant table. Nothing is trusted because a migration
said so: what counts is what the server would enforce.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guanjia.db.tables import POLICY

RECORD = "tortoise_migrations"
OWNER = "owner"
APPLICATION_ROLES = ("app_rw", "app_ro", "auditor")
CEILING: Mapping[str, frozenset[str]] = {
    "app_rw": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}),
    "app_ro": frozenset({"SELECT"}),
    "auditor": frozenset({"SELECT"}),
}
"""The most that a role may ever hold on a table. TRUNCATE and REFERENCES pass by the policies."""

_WALL = "(tenant_id = (current_setting('app.tenant_id'::text))::uuid)"
_DEFAULT = "(current_setting('app.tenant_id'::text))::uuid"
_PATTERN = re.compile(r"\s*(\w+)\s*(?:\(([^)]*)\))?\s*(?:,|$)")


@dataclass(frozen=True)
class Fault:
    """One missing wall: which check, on which object, and a Chinese sentence for a person."""

    check: str
    subject: str
    sentence: str


# Ours: what no extension brought along, outside the system's schemas.
_OURS = """
  ours as (
    select c.*, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                      and d.objid = c.oid and d.deptype = 'e')
  ),
  tables as (select * from ours where relkind in ('r', 'p') and relname <> $1),
  tenant as (
    select a.* from pg_attribute a join tables t on t.oid = a.attrelid
    where a.attname = 'tenant_id' and not a.attisdropped
  )
"""

# name → (what is wrong, the statement whose rows are the subjects). $1 is the migrations' record.
_CHECKS: Mapping[str, tuple[str, str]] = {
    "row_security": (
        "没有启用或没有强制(FORCE)行级安全",
        "select oid::regclass::text from tables where not (relrowsecurity and relforcerowsecurity)",
    ),
    "policy": (
        f"没有策略 {POLICY},或其内容、命令、角色与规定不同",
        f"""
        select t.oid::regclass::text from tables t where not exists (
          select from pg_policy p where p.polrelid = t.oid and p.polname = '{POLICY}'
            and p.polpermissive and p.polcmd = '*'
            and pg_get_expr(p.polqual, p.polrelid) = $wall${_WALL}$wall$
            and pg_get_expr(p.polwithcheck, p.polrelid) = $wall${_WALL}$wall$
            and (select array_agg(r.rolname::text order by r.rolname) from pg_roles r
                 where r.oid = any (p.polroles)) = array['app_ro', 'app_rw', 'auditor']
            and not 0 = any (p.polroles))
        """,
    ),
    "second_policy": (
        "另有放宽访问的策略",
        f"""
        select t.oid::regclass || '.' || p.polname from tables t
        join pg_policy p on p.polrelid = t.oid
        where p.polpermissive and p.polname <> '{POLICY}'
        """,
    ),
    "tenant_column": (
        "没有非空的 uuid 列 tenant_id,或其默认值不是当前租户",
        f"""
        select t.oid::regclass::text from tables t where not exists (
          select from tenant a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
          where a.attrelid = t.oid and a.attnotnull and a.atttypid = 'uuid'::regtype
            and pg_get_expr(d.adbin, d.adrelid) = $default${_DEFAULT}$default$)
        """,
    ),
    "primary_key": (
        "没有以 tenant_id 开头的主键",
        """
        select t.oid::regclass::text from tables t where not exists (
          select from pg_constraint k join tenant a on a.attrelid = k.conrelid
          where k.conrelid = t.oid and k.contype = 'p' and k.conkey[1] = a.attnum)
        """,
    ),
    "index": (
        "索引不以 tenant_id 开头(唯一索引会泄露其他租户的数据是否存在)",
        """
        select i.indexrelid::regclass::text from pg_index i join tables t on t.oid = i.indrelid
        where not exists (select from tenant a
                          where a.attrelid = i.indrelid and a.attnum = i.indkey[0])
        """,
    ),
    "foreign_key": (
        "外键的两端不都以 tenant_id 开头(外键检查不受行级安全约束)",
        """
        select t.oid::regclass || '.' || k.conname from pg_constraint k
        join tables t on t.oid = k.conrelid
        where k.contype = 'f' and not (
          exists (select from tenant a where a.attrelid = k.conrelid and a.attnum = k.conkey[1])
          and exists (select from tenant a
                      where a.attrelid = k.confrelid and a.attnum = k.confkey[1]))
        """,
    ),
    "view": (
        "视图没有 security_invoker,会以所有者的身份读取",
        """
        select oid::regclass::text from ours where relkind = 'v'
          and not coalesce('security_invoker=true' = any (reloptions), false)
        """,
    ),
    "foreign_relation": (
        "物化视图和外部表不受行级安全约束",
        "select oid::regclass::text from ours where relkind in ('m', 'f')",
    ),
    "sequence": (
        "序列由所有租户共用",
        """
        select s.oid::regclass::text from ours s where s.relkind = 'S' and not exists (
          select from pg_depend d join pg_class c on c.oid = d.refobjid
          where d.classid = 'pg_class'::regclass and d.objid = s.oid and c.relname = $1)
        """,
    ),
    "definer_function": (
        "函数以所有者的身份执行(SECURITY DEFINER)",
        """
        select p.oid::regprocedure::text from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')
          and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                          and d.objid = p.oid and d.deptype = 'e')
        """,
    ),
    "rule": (
        "重写规则会绕过策略",
        """
        select t.oid::regclass || '.' || r.rulename from pg_rewrite r
        join tables t on t.oid = r.ev_class
        """,
    ),
    "owner": (
        f"所有者不是 {OWNER}",
        f"""
        select oid::regclass::text from ours
        where pg_get_userbyid(relowner) <> '{OWNER}' and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
        """,
    ),
    "default_privileges": (
        "设有默认权限,新对象会自动授权",
        "select defaclrole::regrole::text || '/' || defaclobjtype::text from pg_default_acl",
    ),
    "schema": (
        "除 owner 外有人可在模式中创建对象,或 PUBLIC 可使用该模式",
        f"""
        select n.nspname || ':' || coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC')
        from pg_namespace n
        cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
        where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
          and x.grantee <> n.nspowner and (x.grantee = 0 or x.privilege_type = 'CREATE')
          and coalesce(nullif(x.grantee, 0)::regrole::text, '') <> '{OWNER}'
        """,
    ),
    "database": (
        "PUBLIC 对数据库有权限(连接或建临时表)",
        """
        select d.datname || ':' || x.privilege_type from pg_database d
        cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
        where d.datname = current_database() and x.grantee = 0
        """,
    ),
}

_GRANTS = f"""
with {_OURS},
acls as (
  select c.oid, c.relname, c.relkind, c.relowner, null::text as attname,
    coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r' end,
                                  c.relowner)) as acl
  from ours c where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  union all
  select c.oid, c.relname, c.relkind, c.relowner, a.attname::text, a.attacl
  from ours c join pg_attribute a on a.attrelid = c.oid
  where a.attacl is not null and not a.attisdropped and c.relname <> $1
)
select oid::regclass::text as subject, relkind::text as kind, attname as col,
  coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC') as grantee,
  x.privilege_type as privilege, x.is_grantable as grantable
from acls cross join lateral aclexplode(acl) x
where x.grantee <> relowner
"""

_TABLES = f"with {_OURS} select oid::regclass::text from tables"


async def faults(
    connection: Any, declared: Mapping[str, Mapping[str, str]] | None = None
) -> list[Fault]:
    """Everything that is wrong with the walls of the connected database; empty when they stand.

    `declared` (table → role → grant text, from the migrations) makes the grants and the list of
    tables exact; without it they only stay under the ceiling.
    """
    found: list[Fault] = []
    for check, (sentence, statement) in _CHECKS.items():
        rows = await connection.fetch(f"with {_OURS} {statement}", RECORD)
        found += [Fault(check, row[0], f"{row[0]}:{sentence}。") for row in rows]
    grants = await connection.fetch(_GRANTS, RECORD)
    found += _beyond_ceiling(grants)
    if declared is not None:
        tables = {row[0] for row in await connection.fetch(_TABLES, RECORD)}
        found += _unlike_declared(grants, tables, declared)
    return found


async def tenant_tables(connection: Any) -> list[str]:
    """Every table but the record of migrations."""
    return sorted(row[0] for row in await connection.fetch(_TABLES, RECORD))


def _beyond_ceiling(grants: Any) -> list[Fault]:
    found = []
    for row in grants:
        allowed = CEILING.get(row["grantee"], frozenset())
        if row["kind"] == "S":
            allowed = frozenset()
        elif row["subject"] == RECORD:
            allowed = allowed & {"SELECT"}
        if row["privilege"] not in allowed or row["grantable"]:
            held = f"{row['privilege']} → {row['grantee']}"
            found.append(Fault("grant", row["subject"], f"{row['subject']}:不应有的权限 {held}。"))
    return found


def _unlike_declared(
    grants: Any, tables: set[str], declared: Mapping[str, Mapping[str, str]]
) -> list[Fault]:
    found = [
        Fault("undeclared_table", name, f"{name}:不是由迁移声明的租户表。")
        for name in sorted(tables - declared.keys())
    ]
    found += [
        Fault("missing_table", name, f"{name}:迁移声明了此表,数据库中却没有。")
        for name in sorted(declared.keys() - tables)
    ]
    held: dict[str, set[tuple[str, str, str | None]]] = {}
    for row in grants:
        entry = (row["grantee"], row["privilege"], row["col"])
        held.setdefault(row["subject"], set()).add(entry)
    for name in sorted(tables & declared.keys()):
        wanted = set(_entries(declared[name]))
        has = held.get(name, set())
        for role, privilege, column in sorted(has ^ wanted, key=str):
            what = "多出" if (role, privilege, column) in has else "缺少"
            on = f"({column})" if column else ""
            found.append(
                Fault("declared_grant", name, f"{name}:{what}权限 {privilege}{on} → {role}。")
            )
    return found


def _entries(grants: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    """A declaration such as `insert, select (seq, hash)`, one entry a role, right and column."""
    entries: list[tuple[str, str, str | None]] = []
    for role, text in grants.items():
        for privilege, columns in _PATTERN.findall(text):
            names = [name.strip() for name in columns.split(",")] if columns else [None]
            entries += [(role, privilege.upper(), name) for name in names]
    return entries
