"""Acting on the demo's stage: operations of real roles through the schema, at a chosen moment."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry

from guanjia.access.desk import Desk
from guanjia.context import Context, Request, World
from guanjia.imports import service
from guanjia.imports.kinds import kind_of
from guanjia.tenancy.models import LOCAL, tenant_id


class Failed(Exception):
    """A step of the demo was refused; the text says which and why."""


@dataclass
class Stage:
    """One tenant. `at` is the moment the next operation happens, as rules see it."""

    world: World
    schema: strawberry.Schema
    slug: str
    at: dt.datetime | None = None
    links: dict[str, str] = field(default_factory=dict)
    """The secrets of task links that were given out in this run."""
    _tokens: dict[str, str] = field(default_factory=dict)

    def move_to(self, text: str) -> None:
        """The next operations happen at this local time, for example '2026-03-02 09:00'."""
        self.at = dt.datetime.fromisoformat(text).replace(tzinfo=LOCAL).astimezone(dt.UTC)

    async def ask(self, login: str, document: str, variables: Any = None) -> dict[str, Any]:
        """The data of an operation by this account; Failed when anything is refused."""
        return await self._asked(login, await self._token(login), document, variables)

    async def ask_by_link(self, secret: str, document: str, variables: Any = None) -> Any:
        """As `ask`, by whoever holds the secret of a link."""
        return await self._asked("任务链接", secret, document, variables, by_link=True)

    async def _asked(
        self, login: str, token: str, document: str, variables: Any, *, by_link: bool = False
    ) -> dict[str, Any]:
        request = Request(token, tenant_id(self.slug), by_link=by_link)
        context = Context(self.world, request, self._clock)
        opened = context.writing() if document.startswith("mutation") else context.reading()
        async with opened:
            result = await self.schema.execute(
                document, variable_values=variables, context_value=context
            )
        if result.errors:
            raise Failed(f"{login}:{result.errors[0].message}({document[:60]})")
        assert result.data is not None
        return result.data

    async def do(
        self, login: str, name: str, given: dict[str, Any], wanted: str = ""
    ) -> dict[str, Any]:
        """One mutation with its input; its payload."""
        kind = name[0].upper() + name[1:]
        kind = _INPUTS.get(name, f"{kind}Input")
        document = (
            f"mutation ($input: {kind}!) {{ {name}(input: $input)"
            f" {{ {wanted} userErrors {{ code message field }} }} }}"
        )
        payload: dict[str, Any] = (await self.ask(login, document, {"input": given}))[name]
        if payload["userErrors"]:
            fault = payload["userErrors"][0]
            raise Failed(f"{login} {name}:{fault['code']} {fault['message']}")
        return payload

    async def hand_in(
        self, login: str, kind: str, name: str, file: bytes, previous: str | None
    ) -> str:
        """The file is being read as an import of this kind, as after an upload; the batch's id."""
        found = kind_of(kind)
        assert found is not None
        request = Request(await self._token(login), tenant_id(self.slug))
        context = Context(self.world, request, self._clock)
        async with context.writing():
            run = await service.hand_in(
                context.transaction,
                context.actor,
                found,
                await context.scope("import:write"),
                file_name=name,
                sha256=hashlib.sha256(file).digest(),
                size=len(file),
                previous_id=UUID(previous) if previous else None,
                settings=self.world.settings,
                now=context.now,
            )
        self.world.imports.start(self.world.imports.read(run, file))
        return str(run.batch["id"])

    def forget(self, login: str) -> None:
        """The account's session is over; its next operation opens another."""
        self._tokens.pop(login, None)

    def _clock(self) -> dt.datetime:
        return self.at or dt.datetime.now(dt.UTC)

    async def _token(self, login: str) -> str:
        if login not in self._tokens:
            world = self.world
            desk = Desk(world.database, world.settings, world.tokens, world.policy)
            opened = await desk.open_locally(tenant_id(self.slug), login, dt.datetime.now(dt.UTC))
            self._tokens[login] = opened.access_token
        return self._tokens[login]


_INPUTS = {
    "applyImport": "ImportStepInput",
    "addOrganisationMember": "OrganisationMemberInput",
    "holdMeeting": "MeetingStepInput",
    "cancelMeeting": "ReasonedMeetingStepInput",
    "acceptCase": "CaseStepInput",
    "finishEvaluation": "CaseStepInput",
    "archiveCase": "CaseStepInput",
    "voidCase": "ReasonedStepInput",
    "releaseSupervision": "ReasonedStepInput",
    "reopenCase": "ReasonedStepInput",
    "approveSuspension": "RuleRequestInput",
    "approveExtension": "RuleRequestInput",
}
