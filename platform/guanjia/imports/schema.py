"""Imports in the API: what can be imported, the batches, and their steps."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.access.schema.types import Member
from guanjia.db.scope import Scope
from guanjia.graph.filters import by, filters, known_id
from guanjia.graph.nodes import (
    Connection,
    column,
    connection,
    derived,
    node,
    one,
    root_connection,
    root_lookup,
    root_value,
)
from guanjia.graph.payloads import mutation, payload
from guanjia.imports import grids, models, service
from guanjia.imports.exports import exports
from guanjia.imports.kinds import Change as RowChange
from guanjia.imports.kinds import kinds
from guanjia.reading.mapping import newest, sorted_by
from guanjia.tenancy.schema import TextFilter

assert grids.GRIDS in kinds()  # this floor brings the kinds of the floors below it

ImportState = strawberry.enum(
    models.State,
    name="ImportState",
    description="读取中、待改正、可应用、应用中、已应用、撤销中、已撤销、已拒绝、已放弃、已中断",
)
ImportChange = strawberry.enum(RowChange, name="ImportChange", description=RowChange.__doc__)


@node(
    models.ImportFinding,
    read="import:read",
    reach=models.FINDING_REACH,
    orders=(sorted_by("ROW", "position", "int"),),
)
class ImportFinding:
    """导入中某一行的情况:错误,或应用后的变化;每批最多列出 1000 条,完整结果在工作簿中"""

    id: strawberry.ID = column()
    row_number: int = column("在文件中的行号")
    change: ImportChange = column("错误、新增、修改、停用")
    column_title: str | None = column("有错误的列")
    message: str = column("说明;不含受保护的内容")


@filters
class ImportBatchesFilter:
    """导入批次筛选"""

    kind: TextFilter = by("kind")


@node(
    models.ImportBatch,
    read="import:read",
    reach=models.BATCH_REACH,
    orders=newest("uploaded_at"),
    filters=ImportBatchesFilter,
)
class ImportBatch:
    """导入批次:一个上传的文件,从检查到应用、撤销"""

    id: strawberry.ID = column()
    kind: str = column("导入类别的代码,见 importKinds")
    state: ImportState = derived(models.STATE_SQL, "状态")
    file_name: str = column("文件名")
    uploaded_at: dt.datetime = column("上传时间")
    uploader: Member | None = one("Member", "uploader_id", "上传人;不在您的辖区时为空")
    previous: "ImportBatch | None" = one("ImportBatch", "previous_id", "所改正的批次")
    done: int = column("当前步骤已处理的行数")
    total: int | None = column("当前步骤的总行数;尚不知道时为空")
    rows: int = column("数据行数")
    wrong: int = column("有错误的行数")
    added: int = column("新增的行数")
    changed: int = column("修改的行数")
    removed: int = column("停用的行数")
    unchanged: int = column("不变的行数")
    message: str | None = column("文件被拒绝或步骤失败的原因,或提示")
    applied_at: dt.datetime | None = column("应用时间")
    undo_until: dt.datetime | None = column("可撤销的期限")
    undone_at: dt.datetime | None = column("撤销时间")
    findings: Connection[ImportFinding] = connection(
        "ImportFinding", "batch_id", "各行的情况", order="ROW"
    )


@strawberry.enum(description="最新在前")
class ImportBatchOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type(
    description="导入类别。模板:GET templatePath;上传:POST uploadPath?name=文件名,正文为文件"
)
class ImportKind:
    code: str
    title: str
    template_path: str
    upload_path: str


@strawberry.type(description="导出的参数,写在地址的问号之后")
class ExportParameter:
    name: str
    meaning: str


@strawberry.type(description="导出类别。下载:GET path")
class ExportKind:
    code: str
    title: str
    path: str
    parameters: list[ExportParameter]


def _kinds(actor: Any) -> list[ImportKind]:
    return [
        ImportKind(
            code=kind.code,
            title=kind.title,
            template_path=f"/imports/{kind.code}/template",
            upload_path=f"/imports/{kind.code}",
        )
        for kind in kinds()
        if actor.scope(kind.permission)
    ]


def _exports(actor: Any) -> list[ExportKind]:
    return [
        ExportKind(
            code=export.code,
            title=export.title,
            path=f"/exports/{export.code}",
            parameters=[ExportParameter(name=n, meaning=m) for n, m in export.parameters],
        )
        for export in exports()
        if actor.scope(export.permission)
    ]


@strawberry.input(description="导入批次的一步")
class ImportStepInput:
    id: strawberry.ID


@payload
class ImportBatchPayload:
    """导入批次"""

    import_batch: ImportBatch | None


async def _apply(
    self: None, info: Info, input: ImportStepInput, scope: "Scope"
) -> ImportBatchPayload:
    context = info.context
    run = await service.apply_import(
        context.transaction,
        context.actor,
        scope,
        batch_id=known_id(input.id, "id"),
        settings=context.world.settings,
        now=context.now,
    )
    context.world.imports.start(context.world.imports.apply(run))
    return ImportBatchPayload(
        import_batch=await context.reader.by_id("ImportBatch", run.batch["id"])
    )


async def _undo(
    self: None, info: Info, input: ImportStepInput, scope: "Scope"
) -> ImportBatchPayload:
    context = info.context
    run = await service.undo_import(
        context.transaction,
        context.actor,
        scope,
        batch_id=known_id(input.id, "id"),
        settings=context.world.settings,
        now=context.now,
    )
    context.world.imports.start(context.world.imports.undo(run))
    return ImportBatchPayload(
        import_batch=await context.reader.by_id("ImportBatch", run.batch["id"])
    )


async def _discard(
    self: None, info: Info, input: ImportStepInput, scope: "Scope"
) -> ImportBatchPayload:
    context = info.context
    batch = await service.discard_import(
        context.transaction,
        context.actor,
        scope,
        batch_id=known_id(input.id, "id"),
        settings=context.world.settings,
        now=context.now,
    )
    return ImportBatchPayload(import_batch=await context.reader.by_id("ImportBatch", batch))


@strawberry.type
class Query:
    import_batches: Connection[ImportBatch] = root_connection(
        ImportBatch,
        permission="import:read",
        filter_type=ImportBatchesFilter,
        order_type=ImportBatchOrder,
        description="本人上传的、或辖区内的导入批次",
    )
    import_batch: ImportBatch | None = root_lookup(
        ImportBatch, permission="import:read", description="一个导入批次;处理时可随时查询进度"
    )
    import_kinds: list[ImportKind] = root_value(
        list[ImportKind], _kinds, permission="import:read", description="本人可以导入的类别"
    )
    export_kinds: list[ExportKind] = root_value(
        list[ExportKind], _exports, permission="export:read", description="本人可以导出的类别"
    )


@strawberry.type
class Mutation:
    apply_import: ImportBatchPayload = mutation(
        "import:write", "应用已检查无误的批次:全部生效,或全部不生效;随后查询批次的状态"
    )(_apply)
    undo_import: ImportBatchPayload = mutation(
        "import:write", "在期限内撤销已应用的批次;其上已有新数据时不撤销"
    )(_undo)
    discard_import: ImportBatchPayload = mutation(
        "import:write", "放弃尚未应用的批次,并删除其内容"
    )(_discard)
