"""What is loaded again: the same file, the same lines, other content."""

import csv
import json
from typing import Any

import pytest

from loyalty.demo.files import write_feed
from tests.journeys.conftest import PARTNERS, WANG, line_of

# One file of each feed that moves points, with one line that is rejected.
FILES: dict[str, Any] = {
    "opening": [
        ("WANG", "CUP", 5_000, "operator", "2006-06", "2009-06-30"),
        ("ZHAO", "CUP", 5_000, "operator", "2006-06", "2009-06-30"),
    ],
    "bills": [
        ("B-1", WANG, "2007-10", "2007-10-05", "2007-10-25", "100.00"),
        ("B-2", "13399999999", "2007-10", "2007-10-05", "2007-10-25", "100.00"),
    ],
    "payments": [
        ("P-1", "B-1", "2007-10-20", "100.00"),
        ("P-2", "B-9", "2007-10-20", "100.00"),
    ],
    "adjustments": [
        ("A-1", "B-1", "2007-10-21", "-40.00"),
        ("A-2", "B-1", "2007-10-21", "-60.01"),
    ],
    "activities": [
        ("T-1", "CEB", "6226-1", "card", "2007-10-22", "99.99", "CNY", "5411", ""),
        ("T-2", "CEB", "6226-9", "card", "2007-10-22", "99.99", "CNY", "5411", ""),
    ],
    "redemptions": [
        ("R-1", "WANG", "TT1", 1, "hall", "2007-10-23T12:00:00+08:00"),
        ("R-2", "WANG", "EV50", 1, "hall", "2007-10-23T12:00:00+08:00"),
    ],
    "subscription-events": [
        ("E-1", WANG, "suspended", "arrears", "2007-10-24T12:00:00+08:00"),
        ("E-2", "13399999999", "closed", "", "2007-10-24T12:00:00+08:00"),
    ],
}
# The same references with another amount, quantity, day or reason.
OTHER = {
    "opening": ("WANG", "CUP", 5_001, "operator", "2006-06", "2009-06-30"),
    "bills": ("B-1", WANG, "2007-10", "2007-10-05", "2007-10-25", "100.01"),
    "payments": ("P-1", "B-1", "2007-10-21", "100.00"),
    "adjustments": ("A-1", "B-1", "2007-10-21", "-1.00"),
    "activities": (
        *("T-1", "CEB", "6226-1", "card", "2007-10-22", "10.00", "CNY", "5411", ""),
    ),
    "redemptions": ("R-1", "WANG", "TT1", 2, "hall", "2007-10-23T12:00:00+08:00"),
    "subscription-events": (
        *("E-1", WANG, "suspended", "lost", "2007-10-24T12:00:00+08:00"),
    ),
}


@pytest.fixture
def played(programme):
    """Load one file of each; give the files and what was answered."""
    files = {feed: programme.write(feed, *rows) for feed, rows in FILES.items()}
    answers = {feed: programme.load_file(feed, path) for feed, path in files.items()}
    assert programme.member("WANG").points == (4_490, 0, 0)
    assert programme.member("WANG").universal == (9, 0)
    return files, answers


def transfers(programme):
    return programme.rows("SELECT count(*), max(id::text) FROM ledger.transfer")


def test_a_file_loaded_again_repeats_its_answer_and_posts_nothing(programme, played):
    files, answers = played
    before = transfers(programme)

    again = {feed: programme.load_file(feed, path) for feed, path in files.items()}

    assert again == answers
    assert {(a.booked, a.already_booked, a.rejected) for a in again.values()} == {
        (1, 0, 1)
    }
    assert transfers(programme) == before


@pytest.mark.usefixtures("played")
def test_the_same_lines_in_the_next_file_are_already_booked(programme):
    before = transfers(programme)

    for feed, rows in FILES.items():
        answer = programme.load(feed, *rows)
        counts = (answer.booked, answer.already_booked, answer.rejected)
        assert counts == (0, 1, 1), feed

    assert transfers(programme) == before


@pytest.mark.usefixtures("played")
def test_a_reference_with_other_content_is_rejected(programme):
    before = transfers(programme)

    for feed, row in OTHER.items():
        programme.load(feed, row)
        assert programme.rejects == ["reference_reused"], feed

    assert transfers(programme) == before


def test_a_line_twice_in_one_file_is_booked_once(programme):
    for feed, (good, _) in FILES.items():
        answer = programme.load(feed, good, good, OTHER[feed])
        counts = (answer.booked, answer.already_booked, answer.rejected)
        assert counts == (1, 1, 1), feed
        assert programme.rejects == ["reference_reused"]

    assert programme.member("WANG").points == (4_490, 0, 0)


def test_a_month_through_the_command(cli, tmp_path):
    def load(feed, *rows):
        done = cli("load", feed, write_feed(tmp_path, feed, 1, rows), "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    assert cli("init").exit_code == 0
    load("partners", *PARTNERS)
    load("subscribers", line_of("WANG", WANG, brand="worldwind"))
    load("links", ("CEB", "6226-1", "WANG", "2007-01-01"))
    answers = {feed: load(feed, *rows) for feed, rows in FILES.items()}

    assert {a["booked"] for a in answers.values()} == {1}
    with (tmp_path / "redemptions-0001.csv.rejects.csv").open(newline="") as file:
        _, reject = csv.reader(file)
    assert reject[1:3] == ["insufficient_points", "R-2"]
    done = cli("run-job", "cancel-unpaid", "2008-01-24")
    assert done.exit_code == 0, done.stderr
    wang = json.loads(cli("member", "show", "WANG", "--json").stdout)
    assert wang["gate"] == "suspended"
    assert wang["balances"]["CUP"]["available"] == 4_490
    assert wang["balances"]["UNI"]["available"] == 9
    report = json.loads(cli("report", "month", "--period", "2007-10", "--json").stdout)
    assert report["units"]["CUP"]["issued"] == 150
    assert report["units"]["CUP"]["clawed_back"] == 60
    assert report["payable"] == {"TTCLUB": 3_000}
    assert report["proved"] is True
