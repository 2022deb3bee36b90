"""What may be uploaded, and what is left of it."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image
from tests.attachments.conftest import picture
from tests.imports.conftest import workbook

from guanjia.attachments.media import DOCX, JPEG, PDF, PNG, WEBP, XLSX, kept
from guanjia.graph.errors import Refusal

PLACE, MAKER, ORIENTATION = 0x8825, 0x010F, 0x0112


def refused(data: bytes, name: str) -> str:
    with pytest.raises(Refusal) as raised:
        kept(data, name)
    return raised.value.message


def test_a_photo_stands_upright_and_says_nothing_of_its_place() -> None:
    exif = Image.Exif()
    exif[MAKER], exif[ORIENTATION] = "某手机", 6
    exif.get_ifd(PLACE)[2] = (26.0, 38.0, 12.0)
    data = picture((60, 40), exif=exif, comment=b"350702 secret")
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(PLACE)
    found = kept(data, "IMG_1.JPG")
    assert (found.media_type, found.width, found.height) == (JPEG, 40, 60)
    image = Image.open(io.BytesIO(found.content))
    assert dict(image.getexif()) == {}
    assert b"secret" not in found.content
    assert "某手机".encode() not in found.content
    assert found.thumbnail is not None
    assert Image.open(io.BytesIO(found.thumbnail)).size == (40, 60)


@pytest.mark.parametrize(
    ("form", "name", "kind"), [("PNG", "a.png", PNG), ("WEBP", "a.webp", WEBP)]
)
def test_other_pictures(form: str, name: str, kind: str) -> None:
    found = kept(picture((500, 400), form), name)
    assert (found.media_type, found.width) == (kind, 500)
    assert Image.open(io.BytesIO(found.content)).format == form
    assert found.thumbnail is not None
    assert max(Image.open(io.BytesIO(found.thumbnail)).size) == 320


def test_the_same_photo_is_kept_the_same() -> None:
    data = picture()
    assert kept(data, "a.jpg").content == kept(data, "b.jpeg").content


def test_a_photo_of_forty_megapixels_is_refused_before_it_is_decoded() -> None:
    assert "40 百万像素,最多 30 百万" in refused(picture((8000, 5000), "PNG"), "a.png")


def office(part: str, extra: str = "") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<x/>")
        if extra:
            archive.writestr(extra, "x")
    return target.getvalue()


def test_documents_are_kept_as_they_are() -> None:
    pdf = b"%PDF-1.7\n%%EOF\n"
    assert (kept(pdf, "a.pdf").media_type, kept(pdf, "a.pdf").content) == (PDF, pdf)
    assert kept(workbook(("a", [])), "a.xlsx").media_type == XLSX
    assert kept(office("word/document.xml"), "a.docx").media_type == DOCX


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"%PDF-1.7\n%%EOF\n", "现场.jpg", "内容是 .pdf 文件"),
        (picture(), "a.png", "内容是 .jpg 文件"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "a.svg", "不能上传"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "a.png", "不能上传"),
        (b"<html><script>1</script></html>", "a.jpg", "不能上传"),
        (b"MZ\x90\x00" + b"\0" * 60, "a.jpg", "不能上传"),
        (b"GIF89a" + b"\0" * 60, "a.gif", "不能上传"),
        (picture()[:200], "a.jpg", "已损坏"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 60, "a.jpg", "已损坏"),
        (b"", "a.jpg", "空的"),
        (office("word/document.xml", "word/vbaProject.bin"), "a.docx", "含有宏"),
        (office("a.txt"), "a.zip", "不能上传"),
        (b"PK\x03\x04broken", "a.docx", "不能上传"),
    ],
)
def test_what_is_refused_and_why(data: bytes, name: str, said: str) -> None:
    assert said in refused(data, name)
