"""A field or filter over a protected column that does not say so does not build."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from tortoise import fields
from tortoise.models import Model

from guanjia.db.scope import Reachable
from guanjia.graph.filters import IdFilter, filters, means
from guanjia.graph.nodes import column, derived, node
from guanjia.graph.protection import Protection, Unclassified
from guanjia.reading.classes import DataClass, ProtectedBytes, ProtectedText
from guanjia.reading.mapping import Condition

S1, S2 = Protection(DataClass.S1, "PERSON"), Protection(DataClass.S2, "PERSON")


class Secretive(Model):
    """A row with something to hide."""

    id = fields.UUIDField(primary_key=True)
    name = ProtectedText(DataClass.S1)
    mask = ProtectedText(DataClass.S2)
    cipher = ProtectedBytes(DataClass.S2)
    plain = fields.TextField()

    class Meta:
        table = "persons"


def built(declared: Any, filtered: Any = None) -> Any:
    """The node type of one field `shown`."""
    cls = type("SecretiveNode", (), {"__annotations__": {"shown": str}, "shown": declared})
    reach = Reachable(tenant_wide=True)
    return node(Secretive, read="person:read", reach=reach, filters=filtered)(cls)


def filtering(condition: Condition) -> Any:
    """A filter input with the condition."""
    annotations = {"group": IdFilter}
    return filters(type("F", (), {"__annotations__": annotations, "group": means(by=condition)}))


@pytest.mark.parametrize(
    "declared",
    [
        column(name="mask"),
        column(name="name", protection=S2),
        column(name="plain", otherwise="mask"),
        column(name="name", otherwise="mask", protection=S1),
        derived("left({row}.mask, 3)"),
        derived("encode({row}.cipher, 'hex')", protection=S1),
    ],
)
def test_an_undeclared_field_does_not_build(declared: Any) -> None:
    with pytest.raises(Unclassified, match=r"SecretiveNode\.shown"):
        built(declared)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("eq", "mask"),
        Condition("search", "{row}.name", "person_id", table="person_grams"),
        Condition("flag", "{row}.name = ''", otherwise="false"),
    ],
)
def test_an_undeclared_filter_does_not_build(condition: Condition) -> None:
    with pytest.raises(Unclassified, match=r"SecretiveNode\.group\.by"):
        built(column(name="plain"), filtering(condition))


def test_what_is_declared_is_in_the_sdl(nodes_restored: None) -> None:
    kind = built(column(name="mask", protection=S2), filtering(Condition("eq", "plain")))

    query = strawberry.type(
        type("Query", (), {"__annotations__": {"one": kind | None}, "one": None})
    )
    text = strawberry.Schema(query).as_str()
    assert 'shown: String! @dataClass(class: S2, retention: "PERSON")' in text


@pytest.fixture
def nodes_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's node type is not one of the house afterwards."""
    from guanjia.reading.mapping import NODES

    monkeypatch.setattr(NODES, "_by_name", dict(NODES._by_name))
