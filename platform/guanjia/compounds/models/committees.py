"""Owners' committees and who sits on them, as rows."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.companies import ON_COMPOUND
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.people.references import PersonReference, refers

_OF_COMMITTEE = (
    "exists (select 1 from owners_committees cm where cm.tenant_id = {tenant}"
    " and cm.id = {row}.committee_id and " + ON_COMPOUND.replace("{row}", "cm") + ")"
)
OF_COMMITTEE_REACH = Reachable(inside=_OF_COMMITTEE)


class CommitteePost(StrEnum):
    """主任、副主任、委员、候补委员"""

    CHAIR = "CHAIR"
    VICE_CHAIR = "VICE_CHAIR"
    MEMBER = "MEMBER"
    ALTERNATE = "ALTERNATE"


class OwnersCommittee(Model):
    """业主委员会:某小区的一届"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    elected_on = fields.DateField()
    term_from = fields.DateField()
    term_to = fields.DateField()
    file_by = fields.DateField()
    filed_on = fields.DateField(null=True)
    filing_number = fields.TextField(null=True)
    version = fields.IntField()

    class Meta:
        table = "owners_committees"


class CommitteeMember(Model):
    """业主委员会委员:某人自何日至何日(不含)任何职"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    committee_id = fields.UUIDField()
    person_id = fields.UUIDField()
    post = fields.TextField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField()

    class Meta:
        table = "committee_members"


refers(PersonReference("committee_members"))
