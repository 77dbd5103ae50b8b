import csv
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from hashlib import sha256

import pytest

from loyalty.demo.files import COLUMNS
from loyalty.demo.writing import DECK_MEMBERS, DECK_POINTS, Plan, write

PLAN = Plan(members=400, months=3, merchants=20, seed=11)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("written")
    return directory, write(directory, PLAN)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def deliveries_of(script):
    return [
        *script.takeover,
        *(delivery for month in script.months for delivery in month.deliveries),
    ]


def rows_of_feed(script, feed):
    return [
        row
        for delivery in deliveries_of(script)
        if delivery.feed == feed
        for row in rows_of(delivery.path)
    ]


def content(directory):
    return {
        str(path.relative_to(directory)): sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_the_same_plan_gives_the_same_bytes(written, tmp_path):
    write(tmp_path, PLAN)

    assert content(tmp_path) == content(written[0])


def test_another_seed_gives_other_files(written, tmp_path):
    write(tmp_path, replace(PLAN, seed=12))

    ours, theirs = content(written[0]), content(tmp_path)
    bills = "2007-10/bills-0001.csv"
    assert ours.keys() == theirs.keys()
    assert ours[bills] != theirs[bills]


def test_every_manifest_is_true(written):
    for path in written[0].rglob("*.csv"):
        manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text())
        lines = path.read_bytes().count(b"\n") - 1
        rows = rows_of(path)
        summed = {
            "bills": "amount",
            "payments": "amount",
            "adjustments": "amount",
            "activities": "amount",
            "opening": "points",
            "redemptions": "quantity",
        }.get(manifest["feed"])
        readable = re.compile(r"-?\d+\.\d\d" if summed == "amount" else r"\d+")

        assert manifest["records"] == lines == len(rows)
        assert manifest["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert manifest["total"] == (
            sum(
                int(row[summed].replace(".", ""))
                for row in rows
                if readable.fullmatch(row[summed])
            )
            if summed
            else lines
        )


def test_every_feed_is_there_and_its_sequence_has_no_gap(written):
    sequences = defaultdict(list)
    for delivery in deliveries_of(written[1]):
        path = delivery.path.with_name(f"{delivery.path.name}.manifest.json")
        manifest = json.loads(path.read_text())
        sequences[manifest["feed"], manifest["sender"]].append(manifest["sequence"])

    # A partner's file is written once there is something to match.
    assert {feed for feed, _ in sequences} == set(COLUMNS) - {"partner-statement"}
    assert all(found == list(range(1, len(found) + 1)) for found in sequences.values())


def test_files_grow_with_the_members(written, tmp_path):
    script = write(tmp_path, replace(PLAN, members=2 * PLAN.members, months=1))

    for feed in ("subscribers", "bills", "activities"):
        larger = [d for d in deliveries_of(script) if d.feed == feed]
        smaller = [d for d in deliveries_of(written[1]) if d.feed == feed]
        ratio = sum(d.path.stat().st_size for d in larger) / sum(
            d.path.stat().st_size for d in smaller[: len(larger)]
        )
        assert 1.5 < ratio < 2.5, feed


def test_the_opening_is_worth_what_the_decks_say(written):
    points = sum(int(row["points"]) for row in rows_of_feed(written[1], "opening"))

    assert points == pytest.approx(PLAN.members * DECK_POINTS / DECK_MEMBERS, rel=0.03)


def test_some_of_the_opening_expires_in_every_month(written):
    days = {row["expires_on"] for row in rows_of_feed(written[1], "opening")}

    assert {"2007-09-30", "2007-10-31", "2007-11-30", "2007-12-31"} <= days


def test_no_two_lines_share_a_number(written):
    lines = rows_of_feed(written[1], "subscribers")

    assert len({row["msisdn"] for row in lines}) == len(lines)
    assert all(re.fullmatch(r"13[0-4]\d{8}", row["msisdn"]) for row in lines)


def test_pay_types_follow_the_decks(tmp_path):
    script = write(tmp_path, Plan(members=5_000, months=1, merchants=10))

    found = Counter(row["pay_type"] for row in rows_of_feed(script, "subscribers"))

    shares = {pay_type: count / found.total() for pay_type, count in found.items()}
    expected = {"postpaid": 0.26, "prepaid": 0.35, "quasi_prepaid": 0.39}
    assert shares == pytest.approx(expected, abs=0.03)


def test_the_lines_meant_to_be_refused_are_there(written):
    script = written[1]
    known = {row["msisdn"] for row in rows_of_feed(script, "subscribers")}
    bills = rows_of_feed(script, "bills")
    billed = {row["bill_ref"] for row in bills}
    strange = [row for row in bills if row["msisdn"] not in known]
    unreadable = [row for row in bills if row["amount"] == "12,80"]
    unmatched = [
        row for row in rows_of_feed(script, "payments") if row["bill_ref"] not in billed
    ]
    redemptions = rows_of_feed(script, "redemptions")

    assert 0 < len(strange) < len(bills) / 50
    assert 0 < len(unreadable) < len(bills) / 50
    assert 0 < len(unmatched) < len(bills) / 50
    assert any(row["channel"] == "partner" for row in redemptions)
    assert any(int(row["quantity"]) >= 20 for row in redemptions)


def test_refunds_name_an_original_of_the_same_account(written):
    activities = rows_of_feed(written[1], "activities")
    originals = {row["partner_ref"]: row for row in activities}
    refunds = [row for row in activities if row["original_ref"]]

    assert refunds
    for refund in refunds:
        original = originals[refund["original_ref"]]
        assert refund["account_ref"] == original["account_ref"]
        assert 0 < -float(refund["amount"]) <= float(original["amount"])


def test_every_kind_of_event_happens(tmp_path):
    script = write(tmp_path, Plan(members=4_000, merchants=10))
    events = Counter(
        (row["event"], row["reason"])
        for row in rows_of_feed(script, "subscription-events")
    )
    lines = rows_of_feed(script, "subscribers")
    members = Counter(row["member_ref"] for row in lines)

    assert {
        ("suspended", "arrears"),
        ("resumed", ""),
        ("closed", "voluntary"),
        ("closed", "internal"),
        ("ported_out", ""),
        ("reconnected", ""),
    } <= events.keys()
    # Whoever changes lines inside the operator has another one on file.
    holders = {row["msisdn"]: row["member_ref"] for row in lines}
    assert all(
        members[holders[row["msisdn"]]] > 1
        for row in rows_of_feed(script, "subscription-events")
        if row["reason"] == "internal"
    )
