"""The policy files as one value: rules, roles, separated duties and the ALLOW table.

Reading them is checking them: what contradicts itself is named with its file and line.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

REACHES = ("region", "organisation", "self")
LEVELS = ("DISTRICT", "STREET", "COMMUNITY", "GRID")
OWN_PREFIX = "X_"
"""A tenant's own roles are called so, and none of `policies/` is: neither can become the other."""


class BadPolicy(Exception):
    """The policy files contradict themselves; the sentence names file and line."""


class Right(NamedTuple):
    """A permission with its reach."""

    permission: str
    reach: str


@dataclass(frozen=True, slots=True)
class OwnRole:
    """A role that a tenant made. `incompatible` are roles its holder may not hold with it."""

    code: str
    title: str
    level: str
    rights: frozenset[Right]
    incompatible: frozenset[str] = frozenset()
    based_on: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Role:
    """A role: where it can be held and which roles its holder may grant; `own` if a tenant's."""

    code: str
    title: str
    levels: frozenset[str]
    may_grant: frozenset[str]
    own: OwnRole | None = None
    staff: bool = True
    """Whether its holder signs in under the limits for staff."""
    leads: frozenset[str] = frozenset()
    """The roles whose holders within its region it supervises (上报人的主管)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two roles that one person may not hold together, and why."""

    first: str
    second: str
    reason: str


@dataclass(frozen=True, slots=True)
class Separation:
    """Two duties that one person may not have together, each as the roles that bear it."""

    first: frozenset[str]
    second: frozenset[str]
    reason: str

    def joined(self, code: str, *, first: bool, second: bool) -> Separation:
        """With one more bearer of either duty."""
        more = frozenset({code})
        return Separation(
            self.first | more if first else self.first,
            self.second | more if second else self.second,
            self.reason,
        )

    def conflicts(self) -> Iterable[Conflict]:
        return (
            Conflict(a, b, self.reason) for a in sorted(self.first) for b in sorted(self.second)
        )


@dataclass(frozen=True, slots=True)
class Allow:
    """One line of the ALLOW table."""

    role: str
    permission: str
    reach: str
    level: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What the policy files say, checked against itself. `heirs` has each role with those that
    inherit it; `everyone` is the role that a tenant's own roles inherit."""

    version: str
    model: Path
    rules: tuple[tuple[str, ...], ...]
    roles: Mapping[str, Role]
    heirs: Mapping[str, frozenset[str]]
    everyone: str | None
    separations: tuple[Separation, ...]
    allowed: frozenset[Allow]


def read(folder: Path) -> Rulebook:
    """The policies in a folder; BadPolicy names the first thing that is wrong with them."""
    lines = [line for path in sorted(folder.glob("*.csv")) for line in _rules(path)]
    try:
        catalogue = tomllib.loads((folder / "roles.toml").read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as broken:
        raise BadPolicy(f"roles.toml 无法读取:{broken}") from None
    roles = _roles(catalogue)
    allowed = frozenset(_allow_table(folder / "allow" / "allow.csv", roles))
    _check(lines, roles, {allow.permission for allow in allowed})
    inherited = _inheritance([(rule[1], rule[2]) for _, rule in lines if rule[0] == "g"])
    heirs = {
        code: frozenset(heir for heir in roles if code in {heir, *inherited.get(heir, ())})
        for code in roles
    }
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return Rulebook(
        version=digest.hexdigest(),
        model=folder / "model.conf",
        rules=tuple(tuple(rule) for _, rule in lines),
        roles=roles,
        heirs=heirs,
        everyone=_everyone(catalogue, roles),
        separations=tuple(_separations(catalogue.get("separation", []), heirs)),
        allowed=allowed,
    )


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
            staff=described.get("staff", True),
            leads=frozenset(described.get("leads", ())),
        )
        for code, described in catalogue["roles"].items()
    }
    for role in roles.values():
        if role.code.startswith(OWN_PREFIX):
            raise BadPolicy(f"roles.toml:{role.code} 以 {OWN_PREFIX} 开头,该前缀留给租户自建的角色")
        if unknown := role.levels - set(LEVELS):
            raise BadPolicy(f"roles.toml:{role.code} 的层级 {sorted(unknown)} 不存在")
        if unknown := role.may_grant - set(roles):
            raise BadPolicy(f"roles.toml:{role.code} 可授予的角色 {sorted(unknown)} 不存在")
        if unknown := role.leads - set(roles):
            raise BadPolicy(f"roles.toml:{role.code} 主管的角色 {sorted(unknown)} 不存在")
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


def _everyone(catalogue: Mapping[str, Any], roles: Mapping[str, Role]) -> str | None:
    """The role that every other one inherits."""
    everyone: str | None = catalogue.get("everyone")
    if everyone is not None and everyone not in roles:
        raise BadPolicy(f"roles.toml:everyone 所指的角色 {everyone} 不存在")
    return everyone


def _separations(
    pairs: Iterable[Mapping[str, Any]], heirs: Mapping[str, frozenset[str]]
) -> list[Separation]:
    """The pairs as written and those that follow from them: a role has the duties it inherits."""
    found = []
    for pair in pairs:
        for code in pair["roles"]:
            if code not in heirs:
                raise BadPolicy(f"roles.toml:职责分离中的角色 {code} 不存在")
        first, second = (heirs[code] for code in pair["roles"])
        if both := first & second:
            raise BadPolicy(f"roles.toml:角色 {min(both)} 兼有须分离的 {'、'.join(pair['roles'])}")
        found.append(Separation(first, second, pair["reason"]))
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
