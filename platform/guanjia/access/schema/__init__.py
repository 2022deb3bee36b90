"""Identity and access in the API."""

from strawberry.tools import merge_types

from guanjia.access.schema import mutations, roles, types
from guanjia.access.schema.types import Grant, Member

Query = merge_types("Query", (types.Query, roles.Query))
Mutation = merge_types("Mutation", (mutations.Mutation, roles.Mutation))

__all__ = ["Grant", "Member", "Mutation", "Query"]
