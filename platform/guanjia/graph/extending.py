"""Fields that a module adds to the node types of the modules below it.

A fact lives in the module that knows more, and so does the way back to it: what leads from a case
to the meeting that resolved on it is declared where meetings are. The type below knows nothing of
it; the mapping is the same as if it had stood in the class, for both ways of reading.
"""

import sys
from typing import Any

from strawberry.annotation import StrawberryAnnotation
from strawberry.types.base import get_object_definition

from guanjia.graph.nodes import Declared, field_of
from guanjia.reading.mapping import NODES


def extends(node_type: Any, name: str, kind: Any, declared: Declared) -> None:
    """The node type has the relation, with this type, from now on; once."""
    definition = get_object_definition(node_type, strict=True)
    mapped: Any = NODES[definition.name].fields
    if name in mapped:
        return
    field = field_of(declared, declared.mapping)
    field.python_name = field.name = name
    field.origin = node_type
    namespace = sys.modules[node_type.__module__].__dict__
    field.type_annotation = StrawberryAnnotation(kind, namespace=namespace)
    definition.fields.append(field)
    mapped[name] = declared.mapping
