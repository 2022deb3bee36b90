"""What is known of how the called units responded, kept for every moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanjia.db.pools import Transaction

_KEEP = """
with facts as (
  select c.id as call_id, w.case_id, c.region_path, c.organisation_id, w.attend_by, c.attended_at,
    w.state = 'WITHDRAWN' as withdrawn, c.scored_at, c.score = 'SATISFIED' as satisfied,
    o.seq, greatest(o.since, $3) as turned
  from whistles w join whistle_calls c on c.tenant_id = w.tenant_id and c.whistle_id = w.id
  left join whistle_outcomes o on o.tenant_id = c.tenant_id and o.call_id = c.id
    and o.until = 'infinity'
  where w.tenant_id = $1 and w.id = any($2) and (o.region_path, o.attend_by, o.attended_at,
    o.withdrawn, o.scored_at, o.satisfied) is distinct from (c.region_path, w.attend_by,
    c.attended_at, w.state = 'WITHDRAWN', c.scored_at, c.score = 'SATISFIED')
), closed as (
  update whistle_outcomes o set until = f.turned from facts f
  where o.tenant_id = $1 and o.call_id = f.call_id and o.seq = f.seq returning o.call_id
)
insert into whistle_outcomes (call_id, seq, since, case_id, region_path, organisation_id, attend_by,
  attended_at, withdrawn, scored_at, satisfied)
select f.call_id, coalesce(f.seq, 0) + 1, f.turned, f.case_id, f.region_path, f.organisation_id,
  f.attend_by, f.attended_at, f.withdrawn, f.scored_at, f.satisfied
from facts f left join closed using (call_id)
"""


async def keep_outcomes(
    transaction: Transaction, whistle_ids: Sequence[UUID], at: datetime
) -> None:
    """What the rows of these whistles say now is what is known from this moment on."""
    await transaction.connection.execute(_KEEP, transaction.tenant_id, list(whistle_ids), at)
