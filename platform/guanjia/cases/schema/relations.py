"""The ways back to cases from what they are about: a survey, a compound, who handles them."""

from guanjia.cases.schema.types import Case
from guanjia.compounds.schema.estates import Compound
from guanjia.graph.additions import adds
from guanjia.graph.nodes import Connection, connection, one
from guanjia.surveys.schema.types import Survey
from guanjia.tenancy.schema import Organisation

adds(Survey, "case", Case | None, one("Case", "subject_id", "所评价的案件"))
adds(Compound, "cases", Connection[Case], connection("Case", "compound_id", "小区内的案件"))
adds(Organisation, "cases", Connection[Case], connection("Case", "handler_id", "主办的案件"))
