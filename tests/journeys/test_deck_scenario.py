"""The decks' own figures, from files to the month report."""

import csv
import json
import re
from datetime import date

import pytest

from loyalty.demo.files import write_feed

PERSON = {
    "wang": ("GD-WANG", "王建国", "a" * 64, "13000000001"),
    "li": ("GD-LI", "李秀英", "b" * 64, "13000000002"),
}
PLACE = ("广州", "天河", "天河营业厅", "", "", "")


def subscriber(member_ref, name, id_hash, msisdn):
    line = (msisdn, "GSM", "worldwind", "postpaid", date(2005, 3, 1))
    return (member_ref, name, id_hash, *line, *PLACE)


def opening(member_ref, points):
    return (member_ref, "CUP", points, "operator", "2006-06", "2009-06-30")


def redemption(number, member_ref, item, quantity=1):
    at = f"2007-10-15T10:{number:02d}:00+08:00"
    return (f"R-{number}", member_ref, item, quantity, "hall", at)


@pytest.fixture
def load(cli, tmp_path):
    """Write a feed file and load it; answer with the rejects, by reference."""
    assert cli("init").exit_code == 0

    def load(feed, rows):
        path = write_feed(tmp_path, feed, 1, rows)
        result = cli("load", feed, path)
        assert result.exit_code == 0, result.stderr
        rejects = path.with_name(f"{path.name}.rejects.csv")
        if not rejects.exists():
            return []
        with rejects.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]

    return load


@pytest.fixture
def report(cli):
    """Read the report of October, and make sure that the books prove."""

    def report():
        assert cli("ledger", "prove").exit_code == 0
        result = cli("report", "month", "--period", "2007-10", "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return report


def test_idle_points_of_2006_are_what_the_deck_says(load, report, cli):
    refs = [f"GD-{number}" for number in range(10)]
    people = [
        subscriber(ref, "何伟", f"{number:064d}", f"1300000010{number}")
        for number, ref in enumerate(refs)
    ]
    vouchers = [redemption(n, ref, "EV50", 36_480) for n, ref in enumerate(refs)]

    load("subscribers", people)
    load("opening", [opening(ref, 636_700_000) for ref in refs])
    rejects = load("redemptions", vouchers)

    assert rejects == []
    assert report()["cost"] == {
        "available": 6_367_000_000,
        "redeemed": 1_824_000_000,
        "utilisation_percent": 28.6,
        "idle": 4_543_000_000,
    }
    shown = cli("report", "utilisation", "--period", "2007-10").stdout
    assert re.search(
        r"October 2007 .* ¥63,670,000\.00 +¥18,240,000\.00 +¥45,430,000\.00 +28\.6 %",
        shown,
    )


def test_wang_insures_himself_twice_and_the_insurer_is_owed_80_yuan(load, report):
    wang, li = PERSON["wang"][0], PERSON["li"][0]

    load("partners", [("PINGAN", "insurer", "平安保险")])
    load("subscribers", [subscriber(*person) for person in PERSON.values()])
    load("opening", [opening(wang, 5_000), opening(li, 4_500)])
    rejects = load(
        "redemptions",
        [
            redemption(1, wang, "INS-A"),
            redemption(2, wang, "INS-A"),
            redemption(3, wang, "INS-A"),
            redemption(4, li, "INS-B"),
        ],
    )

    assert len(rejects) == 1
    assert "insufficient_points" in rejects[0]
    assert "R-3" in ",".join(rejects[0])
    found = report()
    assert found["payable"]["PINGAN"] == 8_000
    assert found["units"]["CUP"]["redeemed"]["product"] == 9_500
    assert found["units"]["CUP"]["closing"] == 0
    assert found["proved"] is True


def test_agents_may_not_sell_the_insurance(load):
    wang = PERSON["wang"][0]
    *order, _, at = redemption(1, wang, "INS-A")

    load("subscribers", [subscriber(*PERSON["wang"])])
    load("opening", [opening(wang, 5_000)])
    rejects = load("redemptions", [(*order, "partner", at)])

    assert len(rejects) == 1
