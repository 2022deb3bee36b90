"""The rows of compounds, a file for each noun; Tortoise looks for them here."""

from guanjia.compounds.models.estates import (
    Building,
    Compound,
    GridBuilding,
    HouseUnit,
    ManagementMode,
)
from guanjia.compounds.models.lists import CompoundList, ListItem

__all__ = [
    "Building",
    "Compound",
    "CompoundList",
    "GridBuilding",
    "HouseUnit",
    "ListItem",
    "ManagementMode",
]
