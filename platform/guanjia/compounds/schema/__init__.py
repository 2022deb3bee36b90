"""Compounds in the API: types and queries in a file for each noun, put together here."""

from strawberry.tools import merge_types

from guanjia.compounds.schema import estates, lists
from guanjia.compounds.schema.listmutations import Mutation

Query = merge_types("Query", (estates.Query, lists.Query))

__all__ = ["Mutation", "Query"]
