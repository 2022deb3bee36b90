"""Attachments in the API: they are reached through the rows that they hang on."""

import datetime as dt

import strawberry

from guanjia.access.schema.types import Member
from guanjia.attachments import models
from guanjia.graph.nodes import column, derived, node, one

AttachmentPurpose = strawberry.enum(
    models.Purpose, name="AttachmentPurpose", description=models.Purpose.__doc__
)


@node(models.Attachment, read="attachment:read", reach=models.ATTACHMENT_REACH)
class Attachment:
    """附件:照片或文件。上传:POST /attachments?name=文件名,正文为文件;下载:GET path"""

    id: strawberry.ID = column()
    file_name: str = column("文件名")
    media_type: str = column("类型,由内容判定")
    size: int = column("大小(字节)")
    width: int | None = column("照片的宽度(像素)")
    height: int | None = column("照片的高度(像素)")
    purpose: AttachmentPurpose | None = column("用途:处置前、处置后、核查、其他")
    uploaded_at: dt.datetime = column("上传时间")
    uploader: Member | None = one("Member", "uploader_id", "上传人;不在您的辖区时为空")
    path: str = derived("'/attachments/' || {row}.id", "下载地址;须带登录凭证")
    thumbnail_path: str | None = derived(
        "case when {row}.width is not null then '/attachments/' || {row}.id || '/thumbnail' end",
        "缩略图的下载地址;不是照片时为空",
    )
