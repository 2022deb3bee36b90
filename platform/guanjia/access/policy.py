"""What a role may do: decided by Casbin once, then remembered as bits.

`policies/` is the only source. At load one enforcer is built and asked for every role, permission
and reach; the answers become one integer per role and reach. A request tests bits. This is the only
module that knows casbin.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import casbin

REACHES = ("region", "organisation", "self")
LEVELS = ("DISTRICT", "STREET", "COMMUNITY", "GRID")
logging.getLogger("casbin").setLevel(logging.ERROR)  # a denial is an answer, not a warning


class BadPolicy(Exception):
    """The policy files contradict themselves; the sentence names file and line."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the catalogue: where it can be held and which roles its holder may grant."""

    code: str
    title: str
    levels: frozenset[str]
    may_grant: frozenset[str]
    staff: bool = True
    """Whether its holder signs in under the limits for staff."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two roles that one person may not hold together, and why."""

    first: str
    second: str
    reason: str


@dataclass(frozen=True, slots=True)
class Allow:
    """One line of the ALLOW table."""

    role: str
    permission: str
    reach: str
    level: str


class Policy:
    """An immutable version of the policies."""

    def __init__(
        self,
        version: str,
        enforcer: Any,
        roles: Mapping[str, Role],
        conflicts: Iterable[Conflict],
        permissions: Iterable[str],
        allowed: Iterable[Allow],
    ) -> None:
        self.version = version
        self.roles = dict(roles)
        self.allow_table = frozenset(allowed)
        self.permissions = tuple(sorted(permissions))
        self._enforcer = enforcer
        self._conflicts = tuple(conflicts)
        self._bits = {name: 1 << index for index, name in enumerate(self.permissions)}
        self._masks = {
            (role, reach): sum(
                bit for name, bit in self._bits.items() if enforcer.enforce(role, name, reach)
            )
            for role in self.roles
            for reach in REACHES
        }

    @property
    def residents(self) -> list[str]:
        """The roles that make nobody staff."""
        return [role.code for role in self.roles.values() if not role.staff]

    def bit(self, permission: str) -> int:
        """The permission's bit; 0 for one that does not exist, which no role holds."""
        return self._bits.get(permission, 0)

    def mask(self, role: str, reach: str) -> int:
        """Every permission the role has with this reach; 0 for an unknown role."""
        return self._masks.get((role, reach), 0)

    def allows(self, role: str, permission: str, reach: str) -> bool:
        return bool(self.mask(role, reach) & self.bit(permission))

    def permissions_in(self, mask: int) -> frozenset[str]:
        return frozenset(name for name, bit in self._bits.items() if mask & bit)

    def permissions_of(self, role: str) -> frozenset[str]:
        """The role's permissions with whatever reach."""
        mask = 0
        for reach in REACHES:
            mask |= self.mask(role, reach)
        return self.permissions_in(mask)

    def explain(self, role: str, permission: str, reach: str) -> str | None:
        """The rule that allows it, as it stands in `policies/`; None when nothing does."""
        allowed, rule = self._enforcer.enforce_ex(role, permission, reach)
        return "p, " + ", ".join(rule) if allowed else None

    def conflicts(self, roles: Iterable[str]) -> list[Conflict]:
        """The pairs among these roles that one person may not hold together."""
        held = set(roles)
        return [c for c in self._conflicts if c.first in held and c.second in held]

    def mismatches(self) -> list[str]:
        """Where the policies differ from the ALLOW table, in words; empty when they agree.

        Every role × permission × reach × level: what the table does not list must be denied.
        """
        found = []
        for role in self.roles.values():
            for permission in self.permissions:
                for reach in REACHES:
                    for level in LEVELS:
                        wanted = Allow(role.code, permission, reach, level) in self.allow_table
                        given = level in role.levels and self.allows(role.code, permission, reach)
                        if wanted != given:
                            said = "允许,而表中没有" if given else "拒绝,而表中为允许"
                            found.append(f"{role.code} {permission} {reach} {level}:策略{said}")
        return found


def load(folder: Path) -> Policy:
    """The policies in a folder; BadPolicy names the first thing that is wrong with them."""
    lines = [line for path in sorted(folder.glob("*.csv")) for line in _rules(path)]
    try:
        catalogue = tomllib.loads((folder / "roles.toml").read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as broken:
        raise BadPolicy(f"roles.toml 无法读取:{broken}") from None
    roles = _roles(catalogue)
    allowed = list(_allow_table(folder / "allow" / "allow.csv", roles))
    permissions = {allow.permission for allow in allowed}
    _check(lines, roles, permissions)
    inherited = _inheritance([(rule[1], rule[2]) for _, rule in lines if rule[0] == "g"])
    conflicts = _conflicts(catalogue.get("separation", []), roles, inherited)
    # Indexed by permission and reach, so that asking everything once takes milliseconds.
    enforcer = casbin.FastEnforcer(str(folder / "model.conf"), cache_key_order=[1, 2])
    for _, (kind, *rule) in lines:
        enforcer.model.add_policy(kind, kind, rule)
    enforcer.build_role_links()
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return Policy(digest.hexdigest(), enforcer, roles, conflicts, permissions, allowed)


def _rules(path: Path) -> Iterable[tuple[str, list[str]]]:
    text = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(text, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        rule = [cell.strip() for cell in line.split(",")]
        where = f"{path.name} 第 {number} 行"
        if (rule[0], len(rule)) not in (("p", 5), ("g", 3)):
            raise BadPolicy(
                f"{where}:应为 “p, 角色, 权限, 范围, allow|deny” 或 “g, 角色, 继承的角色”"
            )
        yield where, rule


def _roles(catalogue: Mapping[str, Any]) -> dict[str, Role]:
    roles = {
        code: Role(
            code,
            described["title"],
            frozenset(described["levels"]),
            frozenset(described.get("may_grant", ())),
            described.get("staff", True),
        )
        for code, described in catalogue["roles"].items()
    }
    for role in roles.values():
        if unknown := role.levels - set(LEVELS):
            raise BadPolicy(f"roles.toml:{role.code} 的层级 {sorted(unknown)} 不存在")
        if unknown := role.may_grant - set(roles):
            raise BadPolicy(f"roles.toml:{role.code} 可授予的角色 {sorted(unknown)} 不存在")
    return roles


def _check(
    lines: Iterable[tuple[str, list[str]]], roles: Mapping[str, Role], permissions: set[str]
) -> None:
    for where, rule in lines:
        names = rule[1:3] if rule[0] == "g" else rule[1:2]
        for name in names:
            if name not in roles:
                raise BadPolicy(f"{where}:角色 {name} 不在 roles.toml 中")
        if rule[0] == "p":
            if rule[2] not in permissions:
                raise BadPolicy(f"{where}:权限 {rule[2]} 不在 ALLOW 表中,是否拼写有误?")
            if rule[3] not in REACHES:
                raise BadPolicy(f"{where}:范围 {rule[3]} 应为 {'、'.join(REACHES)} 之一")
            if rule[4] not in ("allow", "deny"):
                raise BadPolicy(f"{where}:结果应为 allow 或 deny")


def _inheritance(edges: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Each role with all that it inherits, directly or not; a circle is refused."""
    closure: dict[str, set[str]] = {}
    inherits: dict[str, set[str]] = {}
    for role, inherited in edges:
        inherits.setdefault(role, set()).add(inherited)
    for start in inherits:
        seen: set[str] = set()
        waiting = list(inherits[start])
        while waiting:
            role = waiting.pop()
            if role == start:
                raise BadPolicy(f"角色 {start} 直接或间接继承了自己")
            if role not in seen:
                seen.add(role)
                waiting += inherits.get(role, ())
        closure[start] = seen
    return closure


def _conflicts(
    pairs: Iterable[Mapping[str, Any]],
    roles: Mapping[str, Role],
    inherited: Mapping[str, set[str]],
) -> list[Conflict]:
    """The pairs as written and those that follow from them: a role has the duties it inherits."""
    found = []
    for pair in pairs:
        bearers = []
        for code in pair["roles"]:
            if code not in roles:
                raise BadPolicy(f"roles.toml:职责分离中的角色 {code} 不存在")
            bearers.append({heir for heir in roles if code in {heir, *inherited.get(heir, ())}})
        first, second = bearers
        if both := first & second:
            raise BadPolicy(f"roles.toml:角色 {min(both)} 兼有须分离的 {'、'.join(pair['roles'])}")
        found += [Conflict(a, b, pair["reason"]) for a in sorted(first) for b in sorted(second)]
    return found


def _allow_table(path: Path, roles: Mapping[str, Role]) -> Iterable[Allow]:
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if None in row or None in row.values():
                raise BadPolicy(f"{path.name}:应为四列 role,permission,reach,levels:{row}")
            if row["role"] not in roles or row["reach"] not in REACHES:
                raise BadPolicy(f"{path.name}:角色或范围不存在:{row['role']}、{row['reach']}")
            for level in row["levels"].split():
                if level not in LEVELS:
                    raise BadPolicy(f"{path.name}:{row['role']} 的层级 {level} 不存在")
                yield Allow(row["role"], row["permission"], row["reach"], level)
