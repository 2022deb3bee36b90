"""Identity and access in the API."""

from guanjia.access.schema.mutations import Mutation
from guanjia.access.schema.types import Grant, Member, Query

__all__ = ["Grant", "Member", "Mutation", "Query"]
