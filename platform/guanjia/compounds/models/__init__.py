"""The rows of compounds, a file for each noun; Tortoise looks for them here."""

from guanjia.compounds.models.bindings import (
    BindingProof,
    BindingRelation,
    HouseBinding,
    VoteCause,
    VoteHolding,
)
from guanjia.compounds.models.estates import (
    Building,
    Compound,
    GridBuilding,
    HouseUnit,
    ManagementMode,
)
from guanjia.compounds.models.households import (
    HouseholdMember,
    HouseholdRelation,
    Occupancy,
    ResidentHousehold,
)
from guanjia.compounds.models.lists import CompoundList, ListItem

__all__ = [
    "BindingProof",
    "BindingRelation",
    "Building",
    "Compound",
    "CompoundList",
    "GridBuilding",
    "HouseBinding",
    "HouseUnit",
    "HouseholdMember",
    "HouseholdRelation",
    "ListItem",
    "ManagementMode",
    "Occupancy",
    "ResidentHousehold",
    "VoteCause",
    "VoteHolding",
]
