"""Persons in the API. The module also seals what imports stage."""

from guanjia.imports import seals
from guanjia.people import dependents as dependents  # makes itself known to tenancy
from guanjia.people.batches import sealing
from guanjia.people.schema.mutations import Mutation
from guanjia.people.schema.queries import Query

__all__ = ["Mutation", "Query"]

seals.provide(sealing)
