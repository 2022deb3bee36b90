"""The class of a field that shows a protected column: declared at the field, seen in the SDL.

A field or filter over a protected column that does not say so does not build.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.schema_directive import Location

from guanjia.reading.classes import DataClass, ProtectedBytes, ProtectedText
from guanjia.reading.mapping import Column, Condition, Derived, FilterMap

strawberry.enum(DataClass, name="DataClass", description="S3 隐藏、S2 遮盖、S1 按角色、P 公开")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="dataClass",
    description="字段的敏感程度,以及决定其保存期限的规则(retentionRules 的 code)。",
)
class DataClassMark:
    data_class: DataClass = strawberry.directive_field(name="class")
    retention: str = strawberry.directive_field(name="retention")


class Unclassified(TypeError):
    """A field or filter over a protected column does not say so: denied unless declared."""


@dataclass(frozen=True)
class Protection:
    """The class of what a field shows, and the retention rule it falls under."""

    data_class: DataClass
    retention: str

    @property
    def mark(self) -> DataClassMark:
        return DataClassMark(data_class=self.data_class, retention=self.retention)


def protected_columns(model: Any) -> Mapping[str, DataClass]:
    """The protected columns of a model with their classes."""
    return {
        name: field.data_class
        for name, field in model._meta.fields_map.items()
        if isinstance(field, ProtectedText | ProtectedBytes)
    }


def check_field(
    name: str, mapping: Any, protection: Protection | None, classes: Mapping[str, DataClass]
) -> None:
    """Unclassified unless the field names the class of every protected column it shows."""
    shown: set[str] = set()
    if isinstance(mapping, Column):
        shown = {mapping.name, mapping.otherwise or ""}
    elif isinstance(mapping, Derived):
        shown = set(re.findall(r"\w+", mapping.sql))
    found = {classes[column] for column in shown & set(classes)}
    said = {protection.data_class} if protection else set()
    if found - said:
        raise Unclassified(f"{name} shows {sorted(found)} and declares {sorted(said)}")


def check_filters(name: str, filters: FilterMap, classes: Mapping[str, DataClass]) -> None:
    """Unclassified for a filter over a protected column that needs no permission: it would tell
    what the mask hides."""
    for field, mapped in filters.items():
        if not isinstance(mapped, Condition):
            check_filters(f"{name}.{field}", mapped, classes)
        elif mapped.requires is None and set(re.findall(r"\w+", mapped.column)) & set(classes):
            raise Unclassified(f"the filter {name}.{field} reads a protected column")
