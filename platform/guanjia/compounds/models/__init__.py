"""The rows of compounds, a file for each noun; Tortoise looks for them here."""

from guanjia.compounds.models.estates import (
    Building,
    Compound,
    GridBuilding,
    HouseUnit,
    ManagementMode,
)

__all__ = ["Building", "Compound", "GridBuilding", "HouseUnit", "ManagementMode"]
