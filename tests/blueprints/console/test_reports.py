"""Reports in the console: figures lead to facts, and files say where they come from."""

import csv
import io
import re
from base64 import a85decode
from html import unescape
from zipfile import ZipFile
from zlib import decompress

import pytest

from tests.journeys.conftest import begin
from tests.loyalty.reports.conftest import play

OCTOBER = "period=2007-10"
FIGURE = re.compile(r'<td class="number"><a href="([^"]+/facts/[^"]+)">([^<]+)</a>')
TOTAL = re.compile(r"<p><b>([^<]+)</b>")


@pytest.fixture
def finance(fresh_database, tmp_path, browser, employ):
    """Somebody of finance, after a month."""
    play(begin(fresh_database, tmp_path))
    return browser(staff_id=employ("shen", "auditor"))


def test_every_figure_leads_to_facts_that_come_to_it(finance):
    followed = 0
    for report in ("roll-forward", "cost-per-point"):
        page = finance.get(f"/console/reports/{report}?{OCTOBER}")
        for address, figure in FIGURE.findall(page.text):
            facts = finance.get(unescape(address))
            assert facts.status_code == 200, address
            assert TOTAL.findall(facts.text) == [figure], address
            followed += 1
    assert followed >= 80


def test_a_report_says_how_it_counts_and_where_it_comes_from(finance, words_of):
    index = words_of(finance.get("/console/reports"))
    assert "R5 每分成本 每分成本 ＝ 结算成本之和 ÷ 兑换积分之和" in index

    page = finance.get(f"/console/reports/cost-per-point?{OCTOBER}")
    words = words_of(page)
    assert (
        "INS-A 保险与生活 平安保险 2 5,000 ¥40.00 ¥320.00 ¥0.0080 ¥0.0640 8.0×" in words
    )
    assert (
        "INS-B 保险与生活 平安保险 1 4,500 ¥40.00 ¥360.00 ¥0.0089 ¥0.0800 9.0×" in words
    )
    assert re.search(r"数据指纹 SHA-256 [0-9a-f]{64}", words)
    assert "生成人 shen" in words
    assert 'role="img"' in page.text


def test_a_workbook_has_formulas_and_a_control_sheet(finance):
    answer = finance.get(f"/console/reports/cost-per-point/workbook.xlsx?{OCTOBER}")

    with ZipFile(io.BytesIO(answer.data)) as parts:
        families, items, control = (
            parts.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2, 3)
        )
        words = parts.read("xl/sharedStrings.xml").decode()
    assert "<f>SUM(B2:B3)</f>" in families or "<f>SUM(B2:B4)</f>" in families
    assert "/IF" not in items
    assert '<f>IF(N(E2)=0,"",F2/E2)</f>' in items.replace("&quot;", '"')
    assert "pane " in items  # the frozen head
    assert "<f>" in control  # totals point at those of the tables
    assert "SHA-256" in words
    assert "数据截至" in words


def test_other_files_say_the_same(finance):
    answer = finance.get(f"/console/reports/cost-per-point/tables/items.csv?{OCTOBER}")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    of = {row["item_code"]: row for row in rows}
    assert of["INS-A"]["settlement_fen"] == "40.00"
    assert of["INS-A"]["cost_per_point"] == "0.008000"
    assert of["TT1"]["points"] == "1800"

    paper = finance.get(f"/console/reports/ageing/paper.pdf?{OCTOBER}")
    assert paper.data.startswith(b"%PDF-")
    facts = "/console/reports/ageing/facts/lots/workbook.xlsx"
    assert finance.get(f"{facts}?{OCTOBER}&w.unit=CUP").data.startswith(b"PK")


def test_what_we_owe_has_its_sign_on_paper(finance):
    answer = finance.get(f"/console/reports/settlement/paper.pdf?{OCTOBER}")

    written = b"".join(
        decompress(a85decode(page.strip(), adobe=False))
        for page in re.findall(rb"stream\s(\S+?)~>endstream", answer.data, re.DOTALL)
    )
    # A dash and a yuan sign, as the font counts them: we owe Ping An 80.00.
    assert rb"\226\24580.00" in written


def test_figures_are_narrowed_to_a_brand(finance, words_of):
    page = words_of(
        finance.get(f"/console/reports/roll-forward?{OCTOBER}&brand=ruyitong&lang=en")
    )
    assert "Voided on leaving 700 0 700" in page
    assert "Closing 0 0 0" in page


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("weather", 404),
        ("ageing?period=2007-13", 422),
        ("ageing/facts/bills", 404),
        ("ageing/facts/lots?w.member_ref=1", 404),
        ("ageing/tables/lots.csv", 404),
    ],
)
def test_what_there_is_not_is_said(browser, employ, address, status):
    someone = browser(staff_id=employ("shen", "auditor"))

    assert someone.get(f"/console/reports/{address}").status_code == status
