"""The contract with clients: what was released, and every break of it declared.

`schema.graphql` is what the code is. `schema.released.graphql` is what clients were promised; it
changes only with a release. `schema.changes.toml` declares each breaking change since then, in the
words in which it is found, with its reason and what clients do instead.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

TOLD = ("date", "break", "reason", "instead")


class ContractBroken(Exception):
    """The contract does not hold; one sentence for each fault."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class Contract:
    """The three files of the contract in one folder."""

    folder: Path

    @property
    def current(self) -> Path:
        return self.folder / "schema.graphql"

    @property
    def released(self) -> Path:
        return self.folder / "schema.released.graphql"

    @property
    def changes(self) -> Path:
        return self.folder / "schema.changes.toml"

    def write(self, sdl: str) -> None:
        """schema.graphql says what the code says."""
        self.current.write_text(sdl, encoding="utf-8")

    def check(self, sdl: str) -> None:
        """ContractBroken unless schema.graphql is this SDL, the released document is the one that
        was released, and the breaks between them are exactly those that are declared."""
        faults = []
        if self.current.read_text(encoding="utf-8") != sdl:
            faults.append("schema.graphql 与代码不一致:请执行 make schema 并提交。")
        faults += self._undeclared(sdl)
        if faults:
            raise ContractBroken(*faults)

    def release(self, sdl: str, today: dt.date) -> None:
        """This SDL is promised from now on; the declared breaks become history. ContractBroken
        when the contract does not hold."""
        self.check(sdl)
        self.released.write_text(sdl, encoding="utf-8")
        told = self.changes.read_text(encoding="utf-8")
        told = re.sub(r"^\[\[change\]\]", "[[released_change]]", told, flags=re.MULTILINE)
        told = re.sub(r"^released = .*$", f"released = {today}", told, count=1, flags=re.MULTILINE)
        told = re.sub(
            r"^sha256 = .*$", f'sha256 = "{_digest(sdl)}"', told, count=1, flags=re.MULTILINE
        )
        self.changes.write_text(told, encoding="utf-8")

    def _undeclared(self, sdl: str) -> list[str]:
        told = tomllib.loads(self.changes.read_text(encoding="utf-8"))
        promised = self.released.read_text(encoding="utf-8")
        faults = []
        if told.get("sha256") != _digest(promised):
            faults.append(
                "schema.released.graphql 不是已发布的那一份:它只随 guanjia schema --release 改变。"
            )
        declared = told.get("change", [])
        for number, change in enumerate(declared, 1):
            missing = [name for name in TOLD if not change.get(name)]
            if missing:
                faults.append(f"schema.changes.toml 第 {number} 项缺少 {'、'.join(missing)}。")
        found = breaks(promised, sdl)
        known = {change.get("break") for change in declared}
        faults += [
            f"未声明的破坏性变更:{change} 请在 schema.changes.toml 中声明,或撤回。"
            for change in found
            if change not in known
        ]
        faults += [
            f"schema.changes.toml 声明了不存在的变更:{change}"
            for change in sorted(filter(None, known - set(found)))
        ]
        return faults


def breaks(old: str, new: str) -> list[str]:
    """What a client of the old document can no longer do, as stable English sentences."""
    return [
        change.description for change in find_breaking_changes(build_schema(old), build_schema(new))
    ]


def _digest(sdl: str) -> str:
    return hashlib.sha256(sdl.encode()).hexdigest()
