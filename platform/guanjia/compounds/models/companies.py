"""Property companies and their contracts as rows.

A property company is an organisation of kind PROPERTY_COMPANY and a row of details. Everybody who
may read companies reads all of a tenant: whoever signs a contract finds the company that another
street has registered, and does not register it again.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.estates import COMPOUND_REACH
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable

assert COMPOUND_REACH.inside is not None
ON_COMPOUND = (
    "exists (select 1 from compounds oc where oc.tenant_id = {tenant}"
    " and oc.id = {row}.compound_id and " + COMPOUND_REACH.inside.replace("{row}", "oc") + ")"
)
COMPANY_REACH = Reachable(tenant_wide=True)
OF_COMPOUND_REACH = Reachable(inside=ON_COMPOUND)
"""What a compound has is reached where the compound is, wherever regions move."""


class PropertyCompany(Model):
    """物业公司:机构之外的登记事项"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    organisation_id = fields.UUIDField()
    credit_code = fields.TextField()
    qualification = fields.TextField(null=True)
    service_phone = fields.TextField(null=True)
    party_members = fields.IntField()
    version = fields.IntField()

    class Meta:
        table = "property_companies"


class PropertyContract(Model):
    """物业服务合同:某公司自何日至何日(含)服务某小区"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    company_id = fields.UUIDField()
    starts_on = fields.DateField()
    ends_on = fields.DateField(null=True)
    end_reason = fields.TextField(null=True)
    version = fields.IntField()

    class Meta:
        table = "property_contracts"
