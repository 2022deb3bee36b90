"""What an input says of whom a case affects."""

import strawberry


@strawberry.input
class Affected:
    affected_building_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="受影响的楼栋,至多 100 幢:其中现有各户都算"
    )
    affected_house_unit_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="另外受影响的房屋;楼栋已填的不必再填"
    )
