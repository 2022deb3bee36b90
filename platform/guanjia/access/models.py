"""Users, memberships, grants and sessions as rows.

A user lives in the tenant that made the account; a membership says that a user takes part in a
tenant, which may be another one. Grants hang on memberships.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.reading.mapping import elsewhere

MEMBER_REACH = Reachable(
    inside="exists (select 1 from grants mg where mg.tenant_id = {tenant}"
    " and mg.membership_id = {row}.id and mg.revoked_at is null"
    " and mg.region_path >= {low} and mg.region_path < {high})",
    mine="id",
)
"""A member is where their grants are."""
GRANT_REACH = Reachable(region="region_path", mine="membership_id")
SESSION_REACH = Reachable(mine="membership_id")


def name_of(key: str) -> str:
    """SQL over `{row}`: what the member whose id is in the column is called."""
    return elsewhere("memberships", "display_name", key)


class MemberKind(StrEnum):
    """工作人员、居民、凭任务链接办事的外部单位"""

    STAFF = "STAFF"
    RESIDENT = "RESIDENT"
    LINK = "LINK"


class User(Model):
    """账号"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    login_name = fields.TextField()
    display_name = fields.TextField()
    password_hash = fields.TextField(null=True)
    password_changed_at = fields.DatetimeField(null=True)
    must_change_password = fields.BooleanField(default=False)
    disabled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "users"


class Membership(Model):
    """成员:某人在本租户的身份"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    home_tenant_id = fields.UUIDField()
    user_id = fields.UUIDField(null=True)
    display_name = fields.TextField()
    kind = fields.TextField(default=MemberKind.STAFF)
    external_issuer = fields.TextField(null=True)
    external_subject = fields.TextField(null=True)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "memberships"


class OrganisationMember(Model):
    """机构成员"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organisation_id = fields.UUIDField()
    membership_id = fields.UUIDField()
    valid_from = fields.DatetimeField()
    valid_to = fields.DatetimeField(null=True)

    class Meta:
        table = "organisation_members"


class Grant(Model):
    """授权:某成员在某区域持有某角色,在有效期内"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    membership_id = fields.UUIDField()
    role = fields.TextField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    valid_from = fields.DatetimeField()
    valid_to = fields.DatetimeField(null=True)
    granted_by = fields.UUIDField(null=True)
    reason = fields.TextField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    revoked_by = fields.UUIDField(null=True)

    class Meta:
        table = "grants"


class Session(Model):
    """会话"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    membership_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    idle_ends_at = fields.DatetimeField()
    password_due_at = fields.DatetimeField(null=True)
    device = fields.TextField(default="")
    revoked_at = fields.DatetimeField(null=True)
    revoked_reason = fields.TextField(null=True)

    class Meta:
        table = "sessions"
