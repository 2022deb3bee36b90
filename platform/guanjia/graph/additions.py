"""Fields that a module above adds to a node type of a module below.

A fact lives in the module that knows more; where it is asked for from the type below, that module
adds the relation itself, and the module below knows nothing of it.
"""

from __future__ import annotations

from typing import Any

from strawberry.annotation import StrawberryAnnotation
from strawberry.types.base import get_object_definition

from guanjia.graph.nodes import Declared, field_of
from guanjia.reading.mapping import METADATA, NODES


def adds(node_type: Any, name: str, kind: Any, declared: Any) -> None:
    """The node type has this field too, of the type `kind`; said twice, it is the same field."""
    assert isinstance(declared, Declared)
    definition, fields = get_object_definition(node_type, strict=True), _fields(node_type)
    if name in fields:
        if fields[name] != declared.mapping:
            raise TypeError(f"{definition.name}.{name} is there already")
        return
    field = field_of(declared, declared.mapping)
    assert field.metadata[METADATA] is declared.mapping
    field.name = field.python_name = name
    field.type_annotation = StrawberryAnnotation(kind)
    field.origin = node_type
    definition.fields.append(field)
    fields[name] = declared.mapping


def _fields(node_type: Any) -> dict[str, Any]:
    mapped = NODES[get_object_definition(node_type, strict=True).name].fields
    assert isinstance(mapped, dict)
    return mapped
