"""The rows of compounds, a file for each noun; Tortoise looks for them here."""

from guanjia.compounds.models.bindings import (
    BindingProof,
    BindingRelation,
    HouseBinding,
    VoteCause,
    VoteHolding,
)
from guanjia.compounds.models.butlers import ButlerHolder, ButlerSeat, SeatTenure
from guanjia.compounds.models.committees import CommitteeMember, CommitteePost, OwnersCommittee
from guanjia.compounds.models.companies import PropertyCompany, PropertyContract
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
from guanjia.compounds.models.partyorganisations import (
    PartyKind,
    PartyOrganisation,
    PartyPost,
    PartyPostKind,
)

__all__ = [
    "BindingProof",
    "BindingRelation",
    "Building",
    "ButlerHolder",
    "ButlerSeat",
    "CommitteeMember",
    "CommitteePost",
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
    "OwnersCommittee",
    "PartyKind",
    "PartyOrganisation",
    "PartyPost",
    "PartyPostKind",
    "PropertyCompany",
    "PropertyContract",
    "ResidentHousehold",
    "SeatTenure",
    "VoteCause",
    "VoteHolding",
]
