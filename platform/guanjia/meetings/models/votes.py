"""Votes on paper of law and votes of homes: two kinds that are never mixed.

An owners' vote (民法典 278) weighs by area and by owner count; a household poll counts each home
once. Both begin with a roll, one row for each home as it is then, and that row is its ballot.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.meetings.models.kinds import VOTE_BODY_REACH
from guanjia.people.references import PersonReference, refers


class Choice(StrEnum):
    """赞成、反对、弃权"""

    FOR = "FOR"
    AGAINST = "AGAINST"
    ABSTAIN = "ABSTAIN"


class VoteState(StrEnum):
    """进行中、已截止"""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


VOTE_REACH = VOTE_BODY_REACH


class OwnersVote(Model):
    """业主共同决定"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    resolution_id = fields.UUIDField(null=True)
    matter = fields.TextField()
    majority = fields.TextField()
    title = fields.TextField()
    question = fields.TextField()
    announced_at = fields.DatetimeField()
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    state = fields.TextField()
    closed_at = fields.DatetimeField(null=True)
    total_area_dm2 = fields.BigIntField()
    total_owners = fields.IntField()
    participating_area_dm2 = fields.BigIntField(null=True)
    participating_owners = fields.IntField(null=True)
    for_area_dm2 = fields.BigIntField(null=True)
    for_owners = fields.IntField(null=True)
    against_area_dm2 = fields.BigIntField(null=True)
    against_owners = fields.IntField(null=True)
    valid = fields.BooleanField(null=True)
    adopted = fields.BooleanField(null=True)
    version = fields.IntField()

    class Meta:
        table = "owners_votes"


class HouseholdPoll(Model):
    """入户表决:一户一票,不产生业主共同决定的效力"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    title = fields.TextField()
    question = fields.TextField()
    announced_at = fields.DatetimeField()
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    state = fields.TextField()
    closed_at = fields.DatetimeField(null=True)
    homes = fields.IntField()
    answered = fields.IntField(null=True)
    in_favour = fields.IntField(null=True)
    against = fields.IntField(null=True)
    version = fields.IntField()

    class Meta:
        table = "household_polls"


refers(PersonReference("owners_ballots"), PersonReference("household_ballots"))
