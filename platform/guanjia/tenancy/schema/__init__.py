"""Regions and organisations in the API."""

from guanjia.graph.filters import RegionFilter, TextFilter
from guanjia.tenancy.schema.mutations import Mutation
from guanjia.tenancy.schema.types import Level, Organisation, Query, Region

__all__ = ["Level", "Mutation", "Organisation", "Query", "Region", "RegionFilter", "TextFilter"]
