"""A document that was found valid is not validated again.

Whether it is valid follows from the schema and its text alone, and finding out costs more than what
most mutations do. Of a text only a digest is kept, so that a stranger's documents fill no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from strawberry.extensions import SchemaExtension

from guanjia.reading.documents import Lru

KNOWN = 4_096
"""Documents of one schema that are remembered: those used last."""


class Validity(SchemaExtension):
    """Skips the validation of a text that is known to be valid in this schema."""

    def __init__(self, known: Lru) -> None:
        self._known = known

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.query is not None  # parsed by Limits, so that nothing in it is no character
        text = sha256(context.query.encode()).digest()
        if self._known.get(text):
            context.pre_execution_errors = []
        yield
        if not context.pre_execution_errors:
            self._known.put(text, True)
