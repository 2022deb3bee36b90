"""Which categories nobody owns in which communities: the SQL of the pairs, over `{tenant}` and
`{day}`.

A community owns a category if a row in force on the day names who leads there: an organisation that
is open, or one that follows from the place and exists. The company of a compound counts, because
where none serves it the community stands in.

The rows are those that are stored, or those of a table that is only thought of: PLANNED_GAPS reads
them from `planned`, which the statement must give.
"""

_STANDS = (
    "exists (select 1 from organisations p where p.tenant_id = {tenant} and p.active"
    " and case t.party_kind when 'STREET_OFFICE'"
    " then p.kind = 'STREET_OFFICE' and p.region_path = left(g.path, 10)"
    " else p.kind = 'COMMUNITY' and p.region_path = g.path end)"
)
_OWNED = (
    "exists (select 1 from %s t left join organisations o"
    " on o.tenant_id = {tenant} and o.id = t.organisation_id"
    " where t.tenant_id = {tenant} and t.category_id = c.id and t.role = 'LEAD'"
    " and (t.region_path = left(g.path, 5) or t.region_path = left(g.path, 10)"
    " or t.region_path = g.path) and daterange(t.valid_from, t.valid_until) @> {day}"
    f" and (o.active or t.party_kind is not null and {_STANDS}))"
)
_GAPS = (
    "select g.tenant_id, md5(g.id::text || c.id::text)::uuid as id, g.id as region_id,"
    " g.path as region_path, g.name as region_name, c.id as category_id, c.code as code"
    " from regions g join case_categories c on c.tenant_id = {tenant} and c.active"
    " where g.tenant_id = {tenant} and g.level = 'COMMUNITY'"
    " and g.valid_from <= {day} and (g.valid_to is null or g.valid_to > {day})"
    f" and not {_OWNED}"
)
GAPS, PLANNED_GAPS = _GAPS % "case_routings", _GAPS % "planned"
"""One row for each pair."""
