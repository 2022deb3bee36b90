"""Regions and organisations in the API."""

from guanjia.graph.filters import RegionFilter
from guanjia.tenancy.schema.mutations import Mutation
from guanjia.tenancy.schema.types import Level, Organisation, Query, Region, TextFilter

__all__ = ["Level", "Mutation", "Organisation", "Query", "Region", "RegionFilter", "TextFilter"]
