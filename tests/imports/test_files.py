"""Files that clerks really send: read if they can be, else refused with reason and place."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest
import xlsxwriter
from tests.imports.conftest import workbook
from tests.imports.synthetic import COLUMNS, PARTIES, people

from guanjia.imports import files
from guanjia.imports.files import BadFile, opened
from guanjia.imports.kinds import ImportKind
from guanjia.imports.reading import Chunk, Header, StagedRow, read, staged

HEADERS = [column.header for column in COLUMNS]
GOOD = people(1, "990101001001")[0]


def taken(data: bytes, name: str = "a.xlsx") -> tuple[Header, list[StagedRow]]:
    header, rows = None, []
    for found in read(opened(data, name), PARTIES, {}):
        if isinstance(found, Header):
            header = found
        elif isinstance(found, Chunk):
            rows += staged(found.packed)
    assert header is not None
    return header, rows


def refused(data: bytes, name: str = "a.xlsx") -> str:
    with pytest.raises(BadFile) as raised:
        taken(data, name)
    return str(raised.value)


def sheet(*rows: Any) -> bytes:
    return workbook(("Sheet1", [HEADERS, *rows]))


def row(**given: Any) -> list[Any]:
    names = [column.name for column in COLUMNS]
    return [given.get(name, value) for name, value in zip(names, GOOD, strict=True)]


def problems(**given: Any) -> list[str]:
    return [said for _, said in taken(sheet(row(**given)))[1][0].problems]


def value(column: str, **given: Any) -> Any:
    found = taken(sheet(row(**given)))[1][0]
    assert found.problems == []
    return found.values[[c.name for c in COLUMNS].index(column)]


def test_rows_are_read_whatever_the_order_of_columns() -> None:
    order = list(reversed(range(len(HEADERS))))
    data = workbook(
        (
            "Sheet1",
            [
                [],
                ["某街道人员表"],
                [HEADERS[i] for i in order] + ["自用"],
                [GOOD[i] for i in order],
            ],
        )
    )
    header, rows = taken(data)
    assert (header.row, header.ignored) == (3, ["自用"])
    assert rows[0].number == 4
    assert rows[0].row(PARTIES.names)["number"] == GOOD[2]


@pytest.mark.parametrize(
    ("column", "given", "read_as"),
    [
        ("phone", "13900000001 ", "13900000001"),
        ("phone", 13900000001, "13900000001"),
        (
            "phone",
            "\uff11\uff13\uff19\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
            "13900000001",
        ),
        ("community", 990101001001, "990101001001"),
        ("name", "  测试 \u3000 某某 ", "测试 某某"),
        ("floor", 12.0, 12),
        ("floor", "\uff11\uff12", 12),
        ("born", "1990年3月5日", "1990-03-05"),
        ("born", "1990/3/5", "1990-03-05"),
        ("born", "19900305", "1990-03-05"),
        ("born", 19900305, "1990-03-05"),
        ("born", 32937, "1990-03-05"),
        ("born", "", None),
    ],
)
def test_cells_that_can_be_read_in_one_way_only(column: str, given: Any, read_as: Any) -> None:
    assert value(column, **{column: given}) == read_as


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"number": 990101195001010000}, "第 15 位以后的数字已丢失"),
        ({"number": "9.90101E+17"}, "科学计数法"),
        ({"number": GOOD[2][:17] + ("0" if GOOD[2][17] != "0" else "1")}, "校验码不对"),
        ({"phone": 3900000001}, "开头的 0 可能已丢失"),
        ({"phone": "139-0000-0001"}, "应为 11 位数字"),
        ({"community": "99010100100"}, "应为 12 位数字,现有 11 个字符"),
        ({"born": "3/5/90"}, "应为日期"),
        ({"born": "1990-02-30"}, "不是存在的日期"),
        ({"sex": "男性"}, "是否应为“男”"),
        ({"floor": "三"}, "应为整数"),
        ({"floor": True}, "应为整数"),
        ({"name": " "}, "缺少名称"),
        ({"name": "长" * 61}, "最长 60 个字"),
        ({"name": "坏\x07字"}, "不能保存的字符"),
    ],
)
def test_wrong_cells_are_named_with_a_reason(given: dict[str, Any], said: str) -> None:
    (problem,) = problems(**given)
    assert said in problem


def test_a_protected_value_is_in_no_sentence() -> None:
    for given in ({"number": "990101195001010000"}, {"phone": "1390000000x"}):
        (problem,) = problems(**given)
        assert not any(value in problem for value in given.values())


def test_formulas_are_refused_cell_by_cell() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    page = book.add_worksheet()
    page.write_row(0, 0, HEADERS)
    page.write_row(1, 0, GOOD)
    page.write_formula(1, 6, "=1+1", None, 2)
    page.write_row(2, 0, row(name="又一个"))
    book.close()
    rows = taken(target.getvalue())[1]
    assert rows[0].problems == [("floor", "楼层含有公式,请粘贴为数值。")]
    assert rows[1].problems == []
    csv = ",".join(HEADERS) + "\n" + ",".join(map(str, row(note="=HYPERLINK(1)")))
    assert taken(csv.encode(), "a.csv")[1][0].problems == [("note", "备注含有公式,请粘贴为数值。")]


def test_merged_cells_count_below_the_header_only() -> None:
    def merged(first: int, last: int) -> bytes:
        target = io.BytesIO()
        book = xlsxwriter.Workbook(target, {"in_memory": True})
        page = book.add_worksheet()
        page.merge_range(first, 0, last, 1, "某街道人员表")
        page.write_row(1, 0, HEADERS)
        page.write_row(2, 0, GOOD)
        book.close()
        return target.getvalue()

    assert taken(merged(0, 0))[1][0].problems == []
    assert "有合并的单元格:A4:B5" in refused(merged(3, 4))


def test_hidden_sheets_and_too_many_sheets() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.add_worksheet("数据").write_row(0, 0, HEADERS)
    book.add_worksheet("底稿").hide()
    book.close()
    assert "隐藏的工作表:底稿" in refused(target.getvalue())
    rows = [HEADERS, GOOD]
    assert "2 个工作表:一、二" in refused(workbook(("一", rows), ("二", rows)))
    assert len(taken(workbook(("汇总", []), ("数据", rows)))[1]) == 1


def test_headers_missing_repeated_and_absent() -> None:
    rest = [h for h in HEADERS if h != "社区代码"]
    assert "第 1 行的表头缺少:社区代码" in refused(workbook(("a", [rest, GOOD])))
    twice = [*HEADERS, "身份证号"]
    assert "“身份证号”重复:C 列和 M 列是同一项" in refused(workbook(("a", [twice, GOOD])))
    assert "找不到表头" in refused(workbook(("a", [["甲", "乙"], [1, 2]])))
    assert "找不到表头" in refused(workbook(("a", [])))
    assert "没有数据" in refused(workbook(("a", [HEADERS, ["", " "]])))


def test_a_repeated_key_is_named() -> None:
    rows = taken(sheet(GOOD, row(note="又"), GOOD))[1]
    assert [r.problems for r in rows] == [
        [], [("name", "名称与第 2 行重复。")], [("name", "名称与第 2 行重复。")],
    ]  # fmt: skip


def repacked(data: bytes, **parts: bytes) -> bytes:
    """The workbook with some of its parts exchanged."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
            for item in source.infolist():
                copy.writestr(item.filename, parts.pop(item.filename, source.read(item.filename)))
            for name, content in parts.items():
                copy.writestr(name, content)
    return target.getvalue()


SHEET1 = "xl/worksheets/sheet1.xml"


def test_bombs_and_broken_archives() -> None:
    good = sheet(GOOD)
    assert "压缩率异常" in refused(repacked(good, **{"xl/media/a.bin": b"\0" * 30_000_000}))
    many = {f"xl/media/{n}.bin": b"" for n in range(1_100)}
    assert "已拒绝读取" in refused(repacked(good, **many))
    assert "已损坏" in refused(good[: len(good) // 2])
    assert "已损坏" in refused(repacked(good, **{SHEET1: b"<worksheet><sheetData><row r="}))
    assert "不是 .xlsx" in refused(repacked_empty())
    entity = b'<!DOCTYPE x [<!ENTITY a "a">]><workbook/>'
    assert refused(repacked(good, **{"xl/workbook.xml": entity}))
    assert "含有宏" in refused(repacked(good, **{"xl/vbaProject.bin": b"x"}))


def repacked_empty() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", "a")
    return target.getvalue()


def test_a_far_cell_does_not_make_a_giant_of_the_sheet() -> None:
    text = zipfile.ZipFile(io.BytesIO(sheet(GOOD))).read(SHEET1)
    far = text.replace(b"</row></sheetData>", b'<c r="XFD2"><v>1</v></c></row></sheetData>')
    assert "第 2 行在第 100 列以后还有单元格" in refused(repacked(sheet(GOOD), **{SHEET1: far}))
    low = text.replace(
        b"</sheetData>", b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'
    )
    assert "最多导入 180,000 行" in refused(repacked(sheet(GOOD), **{SHEET1: low}))
    styled = text.replace(
        b"</sheetData>", b'<row r="1048576"><c r="A1048576" s="1"/></row></sheetData>'
    )
    assert len(taken(repacked(sheet(GOOD), **{SHEET1: styled}))[1]) == 1


def test_too_many_rows_are_told_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ROWS", 100)
    rows = people(150, "990101001001")
    assert "最多导入 100 行" in refused(sheet(*rows))
    text = "\n".join(",".join(map(str, r)) for r in [HEADERS, *rows, *rows])
    assert "最多导入 100 行" in refused(text.encode(), "a.csv")


def test_rows_that_are_looked_at_together_are_one_part() -> None:
    data = sheet(*people(1_200, "990101001001"))

    def parts(kind: ImportKind) -> list[int]:
        found = read(opened(data, "a.xlsx"), kind, {})
        return [part.rows for part in found if isinstance(part, Chunk)]

    assert parts(PARTIES) == [1_000, 200]
    assert parts(replace(PARTIES, together=1_200)) == [1_200]
    with pytest.raises(BadFile, match="最多导入 1,199 行"):
        parts(replace(PARTIES, together=1_199))


def test_the_content_says_what_a_file_is() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    assert "另存为 .xlsx" in refused(ole, "a.xlsx")
    assert "密码" in refused(ole + "EncryptedPackage".encode("utf-16-le"), "a.xlsx")
    assert "文件名却不以 .xlsx 结尾" in refused(sheet(GOOD), "a.csv")
    assert "内容却不是 Excel" in refused(b"a,b\n1,2\n", "a.xlsx")
    assert "只能上传" in refused(b"%PDF-1.7", "a.pdf")
    assert "空的" in refused(b"", "a.csv")
    assert "不是文本" in refused(b"\x00\x01\x02" * 9, "a.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_of_any_origin(encoding: str, delimiter: str) -> None:
    text = "\r\n".join(delimiter.join(map(str, cells)) for cells in (HEADERS, GOOD))
    _, rows = taken(text.encode(encoding), "a.csv")
    assert rows[0].problems == []
    assert rows[0].number == 2


def test_broken_csv() -> None:
    text = ",".join(HEADERS)
    assert "全角逗号" in refused(text.replace(",", "\uff0c").encode(), "a.csv")
    assert "没有数据" in refused(text.encode(), "a.csv")
    wide = ",".join(["x"] * 300)
    assert "第 2 行有 300 列" in refused(f"{text}\n{wide}\n".encode(), "a.csv")
