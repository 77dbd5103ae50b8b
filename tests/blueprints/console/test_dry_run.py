"""Staff try tomorrow's churn file out in the console."""

from io import BytesIO
from zipfile import ZipFile

import pytest

from tests.journeys.conftest import LI, WANG, begin

HEAD = "event_ref,msisdn,event,reason,occurred_at"
FILE = "\n".join(
    [
        HEAD,
        f"E-1,{WANG},ported_out,voluntary,2007-11-10T12:00:00+08:00",
        f"E-2,{LI},suspended,arrears,2007-11-10T12:00:00+08:00",
        "E-3,13900000000,closed,,2007-11-10T12:00:00+08:00",
    ]
)


@pytest.fixture
def programme(fresh_database, tmp_path):
    programme = begin(fresh_database, tmp_path)
    programme.load("opening", ("WANG", "CUP", 150, "operator", "2007-10", "2010-10-31"))
    return programme


@pytest.fixture
def try_out(programme, browser, employ, csrf):
    """Upload a file; gives the answer."""
    client = browser(staff_id=employ("li.na", "auditor"))
    path = "/console/leaving/dry-run"

    def try_out(content, answer_as="page", language="en"):
        page = client.get(f"{path}?lang={language}").text
        form = {"csrf_token": csrf(page), "as": answer_as}
        if content is not None:
            form["file"] = (BytesIO(content.encode()), "tomorrow.csv")
        return client.post(path, data=form)

    yield try_out
    assert programme.member("WANG").left_on is None
    assert programme.member("WANG").points == (150, 0, 0)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("WANG", "Ported out", ">LI<", "Suspended for arrears only")),
        ("zh", ("WANG", "携号转网", ">LI<", "只是欠费停机", "接管时已有")),
    ],
)
def test_who_would_lose_what_is_shown(try_out, language, said):
    answer = try_out(FILE, language=language)

    assert answer.status_code == 200
    for words in (*said, "¥1.50", "unknown_msisdn", "tomorrow.csv"):
        assert words in answer.text


def test_all_of_it_is_had_as_a_workbook(try_out):
    answer = try_out(FILE, "xlsx")

    with ZipFile(BytesIO(answer.data)) as book:
        strings = book.read("xl/sharedStrings.xml").decode()
    for words in ("loses", "spared", "rejected", "WANG", "LI", "unknown_msisdn"):
        assert f">{words}<" in strings


@pytest.mark.parametrize("content", [None, "", "msisdn,event\n", f"{HEAD}\nE-1\0"])
def test_what_is_no_such_file_is_refused(try_out, content):
    answer = try_out(content)

    assert answer.status_code == 422
    assert "<form" in answer.text
