"""Data classes of protected fields (domain §9.3), declared at the stored column.

S3 is hidden, S2 is masked, S1 is for the roles that may read the row, P is public. A stored column
of a class is a `ProtectedText`; an API field over it must name the same class.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from tortoise import fields


class DataClass(StrEnum):
    """敏感程度:S3 隐藏、S2 遮盖、S1 按角色、P 公开"""

    S3 = "S3"
    S2 = "S2"
    S1 = "S1"
    P = "P"


class ProtectedText(fields.TextField):
    """A text column that holds (the masked form of) a value of this class."""

    def __init__(self, data_class: DataClass, **more: Any) -> None:
        super().__init__(**more)
        self.data_class = data_class


class ProtectedBytes(fields.BinaryField):
    """A sealed value, or what was computed from one; no API field shows it."""

    def __init__(self, data_class: DataClass, **more: Any) -> None:
        super().__init__(**more)
        self.data_class = data_class
