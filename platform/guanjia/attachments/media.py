"""What a file is, by its content, and the form in which it is kept. Pure.

Pictures are decoded within limits and written anew: what was not picture (a place, a camera's
number, a script) is gone, and they stand upright. Documents are kept as they are and only ever
downloaded. Everything else is refused with a sentence.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import puremagic
from PIL import Image, ImageOps, UnidentifiedImageError

from guanjia.graph.errors import BAD_USER_INPUT, LIMIT_EXCEEDED, Refusal

MAX_BYTES = 20_000_000
MAX_PIXELS = 30_000_000
THUMBNAIL = (320, 320)
JPEG, PNG, WEBP, PDF = "image/jpeg", "image/png", "image/webp", "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    JPEG: (".jpg", ".jpeg"),
    PNG: (".png",),
    WEBP: (".webp",),
    PDF: (".pdf",),
    XLSX: (".xlsx",),
    DOCX: (".docx",),
}
_FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}
_OFFICE = {"xl/workbook.xml": XLSX, "word/document.xml": DOCX}
_MAX_UNPACKED = 400_000_000
_ALLOWED = "可以上传的有:照片(jpg、png、webp)、PDF、Excel(xlsx)和 Word(docx)。"

# The number of pixels is held below, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the form in which it is kept. width, height: of a picture, in pixels."""

    media_type: str
    content: bytes
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None


def kept(data: bytes, name: str) -> Kept:
    """The file as it is kept; a Refusal with the reason otherwise."""
    if not data:
        raise Refusal(BAD_USER_INPUT, "文件是空的。", ("file",))
    media_type = _sniffed(data)
    if media_type is None:
        raise Refusal(BAD_USER_INPUT, f"不能上传这种文件。{_ALLOWED}", ("file",))
    if not name.lower().endswith(EXTENSIONS[media_type]):
        right = EXTENSIONS[media_type][0]
        raise Refusal(
            BAD_USER_INPUT,
            f"文件名与内容不符:内容是 {right} 文件。请改正文件名,或选择正确的文件。",
            ("file",),
        )
    if media_type in _FORMATS:
        return _picture(data, media_type)
    return Kept(media_type, data)


def _sniffed(data: bytes) -> str | None:
    """The type of EXTENSIONS that the content is, or None."""
    if data.startswith(b"PK"):
        return _office(data)
    if data.startswith(b"%PDF-"):
        return PDF
    try:
        found = {match.mime_type for match in puremagic.magic_string(data[:4096])}
    except puremagic.PureError:
        return None
    return next((kind for kind in _FORMATS if kind in found), None)


def _office(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        return None
    names = {part.filename for part in parts}
    if any(name.endswith("vbaProject.bin") for name in names):
        raise Refusal(BAD_USER_INPUT, "文件含有宏。请另存为不含宏的格式后再上传。", ("file",))
    if sum(part.file_size for part in parts) > _MAX_UNPACKED:
        raise Refusal(LIMIT_EXCEEDED, "文件解压后过大,已拒绝。", ("file",))
    return next((kind for part, kind in _OFFICE.items() if part in names), None)


def _picture(data: bytes, media_type: str) -> Kept:
    form = _FORMATS[media_type]
    try:
        with Image.open(io.BytesIO(data), formats=[form]) as image:
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise Refusal(
                    LIMIT_EXCEEDED,
                    f"照片有 {pixels / 1e6:.0f} 百万像素,最多 {MAX_PIXELS // 1_000_000} 百万。"
                    "请在手机上调低照片尺寸后再上传。",
                    ("file",),
                )
            image.load()
            upright = _clean(ImageOps.exif_transpose(image), form)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise Refusal(
            BAD_USER_INPUT, "照片已损坏,无法读取。请重新拍摄或选择另一张。", ("file",)
        ) from None
    small = upright.copy()
    small.thumbnail(THUMBNAIL)
    return Kept(
        media_type,
        _written(upright, form),
        upright.width,
        upright.height,
        _written(small.convert("RGB"), "JPEG"),
    )


def _clean(image: Image.Image, form: str) -> Image.Image:
    """The pixels alone, in a mode that the format can hold."""
    alpha = form != "JPEG" and (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info)
    pixels = image.convert("RGBA" if alpha else "RGB")
    pixels.info.clear()
    return pixels


def _written(image: Image.Image, form: str) -> bytes:
    target = io.BytesIO()
    image.save(target, form, quality=88)
    return target.getvalue()
