"""Compounds in the API: types and queries in a file for each noun, put together here."""

from guanjia.compounds.schema.estates import Query

__all__ = ["Query"]
