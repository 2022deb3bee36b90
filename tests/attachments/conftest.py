"""The clients and towns of the API tests, and pictures to send."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from tests.api.conftest import api, make_town, town

from guanjia.attachments.store import Store, store_of

__all__ = ["api", "make_town", "town"]


def picture(
    size: tuple[int, int] = (60, 40), form: str = "JPEG", colour: str = "navy", **more: Any
) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, form, **more)
    return target.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of the test's own."""
    settings = api.world.settings.model_copy(update={"attachments_dir": tmp_path / "kept"})
    made = store_of(settings)
    monkeypatch.setattr(api.world, "store", made)
    return made


async def sent(person: Any, data: bytes, name: str = "现场.jpg") -> str:
    answer = await person.send("POST", "/attachments", data, name=name)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found
