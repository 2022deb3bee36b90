"""What a role may do: decided by Casbin once, then remembered as bits.

`policies/` is the only source. At load one enforcer is built and asked for every role, permission
and reach; the answers become one integer per role and reach. A request tests bits. A tenant's own
roles are more rules for an enforcer of its own, built from the same permissions. This is the only
module that knows casbin.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import casbin

from guanjia.access.rulebook import (
    LEVELS,
    REACHES,
    Allow,
    Conflict,
    OwnRole,
    Right,
    Role,
    Rulebook,
    Separation,
    read,
)

logging.getLogger("casbin").setLevel(logging.ERROR)  # a denial is an answer, not a warning


class Policy:
    """An immutable version of the policies, alone or with the own roles of one tenant."""

    def __init__(self, book: Rulebook) -> None:
        self.version = book.version
        self.roles = dict(book.roles)
        self.allow_table = book.allowed
        self.permissions = tuple(sorted({allow.permission for allow in book.allowed}))
        self.base = self
        self.own_version = 0
        self._book = book
        self._enforcer = _enforcer(book)
        self._separations = book.separations
        self._conflicts = tuple(c for pair in self._separations for c in pair.conflicts())
        self._bits = {name: 1 << index for index, name in enumerate(self.permissions)}
        # What no rule speaks of is denied to everyone; asking for it too would double the time.
        spoken = {Right(rule[2], rule[3]) for rule in book.rules if rule[0] == "p"}
        self._masks = self._answers(dict.fromkeys(self.roles, sorted(spoken)))

    def _answers(self, asked: Mapping[str, Iterable[Right]]) -> dict[tuple[str, str], int]:
        """What Casbin says of each role and the rights it is asked for, as bits."""
        masks = {(role, reach): 0 for role in asked for reach in REACHES}
        for role, rights in asked.items():
            for name, reach in rights:
                if self._enforcer.enforce(role, name, reach):
                    masks[role, reach] |= self._bits[name]
        return masks

    @property
    def residents(self) -> list[str]:
        """The roles that make nobody staff."""
        return [role.code for role in self.roles.values() if not role.staff]

    def extended(self, version: int, own: Iterable[OwnRole]) -> Policy:
        """The built-in policy with these own roles of a tenant.

        What the policies do not (or no longer) allow at a role's level is not given, and a role
        that would join separated duties gives nothing.
        """
        base = self.base
        own = tuple(own)
        found = copy(base)
        found.version = f"{base.version}:{version}"
        found.base = base
        found.own_version = version
        rules: list[tuple[str, ...]] = []
        separations = list(base._separations)
        for role in own:
            if base.joined_duties(role):
                continue
            given = sorted(role.rights & base.rights_at(role.level))
            rules += [("p", role.code, right.permission, right.reach, "allow") for right in given]
            if base._book.everyone:
                rules.append(("g", role.code, base._book.everyone))
            separations = [
                pair.joined(
                    role.code,
                    first=base._bears(role, pair.first),
                    second=base._bears(role, pair.second),
                )
                for pair in separations
            ]
        separations += [
            Separation(
                frozenset({role.code}),
                base._book.heirs.get(other, frozenset({other})),
                f"{role.title}与 {other} 不得由同一人担任(本租户规定)",
            )
            for role in own
            for other in sorted(role.incompatible)
        ]
        found.roles = base.roles | {
            role.code: Role(role.code, role.title, frozenset({role.level}), frozenset(), role)
            for role in own
        }
        found._separations = tuple(separations)
        found._conflicts = tuple(c for pair in separations for c in pair.conflicts())
        found._enforcer = _enforcer(base._book, rules)
        # No rule speaks of an own role but its own and those of everyone; what no rule allows is
        # denied. Asking for the rest would take the loop's time.
        everyone = base.rights_of(base._book.everyone or "")
        found._masks = base._masks | found._answers(
            {role.code: (role.rights & base.rights_at(role.level)) | everyone for role in own}
        )
        return found

    def rights_of(self, role: str) -> frozenset[Right]:
        return frozenset(
            Right(name, reach)
            for reach in REACHES
            for name in self.permissions_in(self.mask(role, reach))
        )

    def rights_at(self, level: str) -> frozenset[Right]:
        """What some built-in role may do that can be held at this level: all that an own role of
        the level can be made of."""
        return frozenset[Right]().union(*self._rights_at(level).values())

    def joined_duties(self, role: OwnRole) -> Separation | None:
        """The two separated duties that the role would join, if any."""
        for pair in self.base._separations:
            if self._bears(role, pair.first) and self._bears(role, pair.second):
                return pair
        return None

    def _bears(self, role: OwnRole, bearers: frozenset[str]) -> bool:
        return not role.rights.isdisjoint(self.duty(bearers, role.level))

    def duty(self, bearers: Collection[str], level: str) -> frozenset[Right]:
        """What of all built-in roles at this level only these may do."""
        rights = self._rights_at(level)
        theirs = [rights[code] for code in rights if code in bearers]
        others = [rights[code] for code in rights if code not in bearers]
        return frozenset[Right]().union(*theirs).difference(*others)

    def _rights_at(self, level: str) -> dict[str, frozenset[Right]]:
        return {
            code: self.rights_of(code)
            for code, role in self.base.roles.items()
            if level in role.levels
        }

    def bit(self, permission: str) -> int:
        """The permission's bit; 0 for one that does not exist, which no role holds."""
        return self._bits.get(permission, 0)

    def mask(self, role: str, reach: str) -> int:
        """Every permission the role has with this reach; 0 for an unknown role."""
        return self._masks.get((role, reach), 0)

    def allows(self, role: str, permission: str, reach: str) -> bool:
        return bool(self.mask(role, reach) & self.bit(permission))

    def bearers_of(self, permission: str, reach: str = "region") -> list[str]:
        """The roles, a tenant's own among them, that have the permission with this reach."""
        return [role for role in self.roles if self.allows(role, permission, reach)]

    def leaders_of(self, role: str) -> list[str]:
        """The roles that supervise the holders of this one. A tenant's own role stands where the
        built-in role stands on which it is based; based on none it neither leads nor is led."""
        led = self._stands_for(role)
        return [code for code in self.roles if led in self.roles[self._stands_for(code)].leads]

    def _stands_for(self, code: str) -> str:
        role = self.roles.get(code)
        based_on = role.own.based_on if role and role.own else None
        return based_on if based_on in self.base.roles else code

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

    def separated_from(self, role: str) -> list[tuple[str, str]]:
        """The roles that its holder may not hold too, each with the reason."""
        pairs = [(c.first, c.second, c.reason) for c in self._conflicts]
        pairs += [(second, first, reason) for first, second, reason in pairs]
        return sorted({(other, reason) for one, other, reason in pairs if one == role})

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
    return Policy(read(folder))


class _Enforcer(casbin.FastEnforcer):
    """Parses the matcher once. Casbin does it for every question, which is two thirds of its time.

    It answers one question after another: the names of the last one stay in the expression.
    """

    _parsed: tuple[str, Any] = ("", None)

    def _get_expression(self, expr: str, functions: dict[str, Any] | None = None) -> Any:
        text, expression = self._parsed
        if text != expr:
            expression = super()._get_expression(expr, functions)
            self._parsed = (expr, expression)
        expression.functions = functions
        return expression


def _enforcer(book: Rulebook, more: Iterable[tuple[str, ...]] = ()) -> Any:
    # Indexed by permission and reach, so that asking everything once takes milliseconds.
    enforcer = _Enforcer(str(book.model), cache_key_order=[1, 2])
    for kind, *rule in (*book.rules, *more):
        enforcer.model.add_policy(kind, kind, rule)
    enforcer.build_role_links()
    return enforcer
