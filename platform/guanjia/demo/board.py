"""The board (看板) of the district for the quarter of the demo's cases, as it was at its end."""

from __future__ import annotations

from guanjia.demo.people import DISTRICT, Places
from guanjia.demo.stage import Failed, Stage

DISPATCHER = "zheng.ke"
PERIOD, AFTERWARDS = "2026-Q2", "2026-07-01 09:00"
BOARD = (
    "query ($region: ID!, $period: String!) { board(regionId: $region, period: $period) {"
    " region { name } figures { metric { title unit shape }"
    " figure { value numerator denominator } } } }"
)


async def show(stage: Stage, places: Places) -> str:
    """The figures that have something to count, in a line."""
    stage.move_to(AFTERWARDS)
    asked = {"region": places.regions[DISTRICT], "period": PERIOD}
    found = (await stage.ask(DISPATCHER, BOARD, asked))["board"]
    if found is None:
        raise Failed("区没有指标看板")
    told = [
        f"{each['metric']['title']} {each['figure']['value']:g}{each['metric']['unit']}"
        + _of(each["metric"]["shape"], each["figure"])
        for each in found["figures"]
        if each["figure"]["value"] is not None
    ]
    return f"指标看板 {found['region']['name']} {PERIOD}:{','.join(told)}"


def _of(shape: str, figure: dict[str, int]) -> str:
    """What a rate or a time rests on."""
    if shape == "RATE":
        return f"({figure['numerator']}/{figure['denominator']})"
    return f"({figure['denominator']} 件)" if shape in ("MEAN", "NINTH_TENTH") else ""
