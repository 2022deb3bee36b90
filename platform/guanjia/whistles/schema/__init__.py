"""Whistles in the API: types and queries in a file for each noun, put together here."""

from strawberry.tools import merge_types

from guanjia.whistles.schema import mutations, whistles

Query = merge_types("Query", (whistles.Query,))
Mutation = merge_types("Mutation", (mutations.Mutation,))

__all__ = ["Mutation", "Query"]
