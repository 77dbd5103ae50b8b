import json
from hashlib import sha256

import pytest

from loyalty.demo.files import COLUMNS, SUMMED, feed_file, write_feed, yuan
from loyalty.feeds.formats import LAYOUTS


def manifest_of(path):
    return json.loads(path.with_name(path.name + ".manifest.json").read_text())


def test_columns_and_totals_are_the_documented_ones():
    ours = {feed: (columns, SUMMED.get(feed)) for feed, columns in COLUMNS.items()}

    assert ours == {
        feed: (tuple(column.name for column in layout.columns), layout.total)
        for feed, layout in LAYOUTS.items()
        if feed in COLUMNS
    }


def test_the_manifest_vouches_for_the_file(tmp_path):
    rows = [
        ("P-1", "B-1", "2007-10-09", "12.34"),
        ("P-2", "B-1", "2007-10-11", "-2.30"),
    ]

    path = write_feed(tmp_path, "payments", 3, rows)

    assert manifest_of(path) == {
        "feed": "payments",
        "sender": "operator",
        "sequence": 3,
        "records": 2,
        "total": 1004,
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }


def test_what_cannot_be_read_adds_nothing_to_the_total(tmp_path):
    amounts = ["12,80", "8.5", "x", "7", "1.00"]
    rows = [("P", "B", "2007-10-09", amount) for amount in amounts]

    assert manifest_of(write_feed(tmp_path, "payments", 1, rows))["total"] == 100


def test_feeds_without_a_sum_count_their_rows(tmp_path):
    rows = [("CEB", "bank", "光大银行"), ("MU", "airline", "东方航空")]

    assert manifest_of(write_feed(tmp_path, "partners", 1, rows))["total"] == 2


def test_a_sender_has_files_of_its_own(tmp_path):
    ours = write_feed(tmp_path, "activities", 1, [])
    theirs = write_feed(tmp_path, "activities", 1, [], sender="CEB")

    assert ours != theirs
    assert manifest_of(theirs)["sender"] == "CEB"


def test_a_file_that_was_not_finished_has_no_manifest(tmp_path):
    with pytest.raises(ZeroDivisionError), feed_file(tmp_path, "bills", 1) as file:
        file.add("B-1", "13000000000", "2007-09", "2007-10-01", "2007-10-25", 1 / 0)

    assert [path.name for path in tmp_path.iterdir()] == ["bills-0001.csv"]


@pytest.mark.parametrize(
    ("fen", "written"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-12345, "-123.45")]
)
def test_fen_are_written_as_yuan(fen, written):
    assert yuan(fen) == written
