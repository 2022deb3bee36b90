"""The audit record in the API, for the audit administrator."""

import datetime as dt
from enum import Enum

import strawberry

from guanjia.audit import models
from guanjia.graph.filters import DateTimeFilter, by, enum_filter, filters
from guanjia.graph.nodes import Connection, column, derived, node, root_connection
from guanjia.reading.mapping import newest


@strawberry.enum(description="完成、被拒绝、敏感读取")
class AuditResult(Enum):
    OK = "OK"
    DENIED = "DENIED"
    READ = "READ"


AuditResultFilter = enum_filter(AuditResult)


@filters
class AuditRecordsFilter:
    """审计筛选"""

    result: AuditResultFilter = by("result")
    at: DateTimeFilter = by("at")


@node(
    models.AuditRecord,
    read="audit:read",
    reach=models.AUDIT_REACH,
    orders=newest("seq", "int"),
    filters=AuditRecordsFilter,
)
class AuditRecord:
    """审计记录:只增不改,逐条以散列相连"""

    id: strawberry.ID = column()
    seq: int = column("本租户内的序号")
    at: dt.datetime = column("时间")
    actor_id: strawberry.ID | None = column("操作人(成员)")
    actor_name: str | None = column("操作人姓名")
    action: str = column("操作")
    permission: str | None = column("所用权限")
    object_type: str | None = column("对象类别")
    object_id: strawberry.ID | None = column("对象")
    result: AuditResult = column("结果")
    detail: str = column("细节(JSON 文本),不含受保护字段")
    hash: str = derived("encode({row}.hash, 'hex')", "本条散列")


@strawberry.enum(description="最新在前")
class AuditOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type
class Query:
    audit_records: Connection[AuditRecord] = root_connection(
        AuditRecord,
        permission="audit:read",
        filter_type=AuditRecordsFilter,
        order_type=AuditOrder,
        description="审计记录",
    )
