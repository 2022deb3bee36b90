"""The seats of a butler, as lists and butlers name them."""

import strawberry

from guanjia.compounds.models import seats

Seat = strawberry.enum(
    seats.Seat,
    name="Seat",
    description="小区管家的四个席位:社区党组织、业委会、物业党支部、楼栋网格员",
)
