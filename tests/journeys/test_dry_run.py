"""A dry run over tomorrow's file tells what the load will do, and writes nothing."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.churn.forecast import PointsLost
from loyalty.feeds.dry_run import dry_run
from loyalty.feeds.errors import MalformedFile
from loyalty.points.operations import let_nobody_earn, let_nobody_post
from tests.journeys.conftest import LI, WANG, line_of

PATIENCE_SECONDS = 120
SECOND, ZHAO, SUN, QIAN, ZHOU, WU = (f"1330000001{n}" for n in range(6))
LEAVING_DAY = "2007-11-10"


def event(ref, msisdn, what, reason="", day=LEAVING_DAY):
    return (ref, msisdn, what, reason, f"{day}T12:00:00+08:00")


TOMORROW = (
    event("E-1", WANG, "ported_out", "voluntary"),
    event("E-2", LI, "closed", "voluntary"),  # another of her lines lives
    event("E-3", ZHAO, "deceased"),
    event("E-4", SUN, "closed", "internal"),
    event("E-5", QIAN, "suspended", "arrears"),
    event("E-6", ZHOU, "closed", "voluntary"),
    event("E-7", ZHOU, "reconnected", day="2007-11-11"),
    event("E-8", "13900000000", "closed", "voluntary"),
    event("E-9", WU, "vanished"),
    event("E-0", WU, "resumed"),  # known already
)


@pytest.fixture
def tomorrow(programme, bill, pay, redeem):
    """An alliance of six, and the file of what happens to them tomorrow."""
    programme.load(
        "subscribers",
        *(
            line_of(name, number)
            for name, number in (
                ("ZHAO", ZHAO),
                ("SUN", SUN),
                ("QIAN", QIAN),
                ("ZHOU", ZHOU),
                ("WU", WU),
            )
        ),
        # The same person as Li, under a number of her own.
        ("LI-2", "客户LI", "hash-of-LI", SECOND, *line_of("LI", SECOND)[4:]),
    )
    bill("B-1", "100.00")
    pay("P-1", "B-1", "2007-10-20", "100.00")
    bill("B-2", "60.00")
    programme.load(
        "activities",
        ("T-1", "CEB", "6226-1", "card", "2007-10-10", "200.00", "CNY", "5411", ""),
    )
    programme.load(
        "opening",
        ("WANG", "CUP", 7_000, "operator", "2007-01", "2010-01-31"),
        ("WANG", "CUP", 500, "operator", "2004-10", "2007-10-31"),
        *(
            (name, "CUP", 1_000, "operator", "2007-01", "2010-01-31")
            for name in ("LI", "ZHAO", "SUN", "QIAN", "ZHOU")
        ),
    )
    redeem("R-1", "WANG", "EV50", "2007-11-01")
    programme.event("E-0", WU, "resumed", LEAVING_DAY)
    return programme.write("subscription-events", *TOMORROW)


def told(programme, path):
    with path.open("rb") as file:
        return dry_run(programme.database, file)


def everything(database):
    """Return every row of every table of ours, as text."""
    with database.unit_of_work() as session:
        tables = session.scalars(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
                " ORDER BY 1"
            )
        ).all()
        return {
            table: session.scalars(
                text(f"SELECT t::text FROM {table} t ORDER BY 1")
            ).all()
            for table in tables
        }


def test_who_loses_what_at_which_cost(programme, tomorrow):
    found = told(programme, tomorrow)

    (loss,) = found.losses
    assert (loss.member_ref, loss.reason, loss.policy_version) == (
        "WANG",
        "ported_out",
        1,
    )
    assert str(loss.left_on) == str(loss.void_on) == LEAVING_DAY
    assert str(loss.reinstate_until) == "2008-02-08"
    # EV50 took 5,000 of the opening points; 500 expired without a job.
    assert loss.points == (
        PointsLost("CUP", "operator", "bill", 150, 150),
        PointsLost("CUP", "operator", "opening", 2_000, 2_000),
        PointsLost("UNI", "CEB", "activity", 20, 20),
    )
    assert loss.pending == {"CUP": 90}
    assert (loss.fen, found.totals.fen) == (2_170, 2_170)
    assert loss.benefits["card"] == 1
    assert loss.benefits == found.totals.benefits
    assert found.totals.points == loss.points


def test_whom_the_policy_spares_and_why(programme, tomorrow):
    found = told(programme, tomorrow)

    assert {one.member_ref: one.why for one in found.spared} == {
        "LI": "another_line",
        "ZHAO": "deceased",
        "SUN": "internal_move",
        "QIAN": "arrears",
        "ZHOU": "came_back",
    }
    assert [
        (line.line_no, line.reason.partition(":")[0]) for line in found.rejected
    ] == [
        (9, "unknown_msisdn"),
        (10, "event"),
    ]
    assert (found.lines, found.booked, found.already_booked) == (10, 7, 1)


def test_nothing_is_written(programme, tomorrow):
    before = everything(programme.database)

    first, second = told(programme, tomorrow), told(programme, tomorrow)

    assert first == second
    assert everything(programme.database) == before
    assert sum(map(len, before.values())) > 100


def test_nobody_is_waited_for(programme, tomorrow):
    """What is locked against all writing is read all the same."""
    with (
        ThreadPoolExecutor(1) as pool,
        Session(programme.database.owner_engine) as session,
    ):
        session.execute(
            text(
                "LOCK TABLE member, person, subscription, subscription_event, claim,"
                " departure, churn_step, churn_notice, ledger.lot, ledger.balance,"
                " ledger.book, feed_file, feed_reject IN EXCLUSIVE MODE"
            )
        )
        let_nobody_earn(session)
        let_nobody_post(session)
        found = pool.submit(told, programme, tomorrow).result(PATIENCE_SECONDS)

    assert len(found.losses) == 1


def test_the_load_does_what_was_told(programme, tomorrow):
    foretold = told(programme, tomorrow)

    answer = programme.load_file("subscription-events", tomorrow)

    assert (answer.booked, answer.already_booked, answer.rejected) == (
        foretold.booked,
        foretold.already_booked,
        len(foretold.rejected),
    )
    left = programme.rows(
        "SELECT member_ref, reason, d.left_on, void_on, reinstate_until, d.entry_id"
        "  FROM departure d JOIN member USING (member_id)"
        " WHERE reinstated_on IS NULL ORDER BY 1"
    )
    assert [row[:5] for row in left] == [
        (one.member_ref, one.reason, one.left_on, one.void_on, one.reinstate_until)
        for one in foretold.losses
    ]
    voided = programme.rows(
        "SELECT debit, unit, sum(amount)::bigint FROM ledger.transfer"
        " WHERE id = :id GROUP BY 1, 2 ORDER BY 1, 2",
        id=left[0][5],
    )
    (loss,) = foretold.losses
    units = {
        unit: sum(part.points for part in loss.points if part.unit == unit)
        for unit in ("CUP", "UNI")
    }
    assert voided == [
        *(("available", unit, points) for unit, points in units.items()),
        *(("pending", unit, points) for unit, points in loss.pending.items()),
    ]
    steps = programme.rows(
        "SELECT benefit, count(*) FROM churn_step s JOIN departure d"
        "    ON d.member_id = s.member_id AND d.event_ref = s.departure_ref"
        " WHERE d.reinstated_on IS NULL AND benefit NOT LIKE 'points.%'"
        "   AND benefit <> 'tier' GROUP BY 1 ORDER BY 1"
    )
    assert dict(steps) == {
        name: count for name, count in loss.benefits.items() if count and name != "tier"
    }


def test_afterwards_the_file_would_do_nothing_more(programme, tomorrow):
    programme.load_file("subscription-events", tomorrow)

    found = told(programme, tomorrow)

    assert (found.booked, found.already_booked, found.losses) == (0, 8, ())
    assert {line.reason.partition(":")[0] for line in found.rejected} == {
        "unknown_msisdn",
        "event",
    }


def test_who_left_before_loses_nothing_more_and_may_return(programme, tomorrow):
    programme.load_file("subscription-events", tomorrow)
    late = programme.write(
        "subscription-events", event("E-10", WANG, "suspended", "lost", "2007-11-09")
    )
    back = programme.write(
        "subscription-events", event("E-11", WANG, "reconnected", day="2008-02-08")
    )
    too_late = programme.write(
        "subscription-events", event("E-12", WANG, "reconnected", day="2008-02-09")
    )

    whys = [told(programme, path).spared[0].why for path in (late, back, too_late)]

    assert whys == ["left_before", "returns", "left_before"]


def test_another_line_of_the_person_holds_both(programme, tomorrow):
    both = programme.write(
        "subscription-events",
        event("E-2", LI, "closed", "voluntary"),
        event("E-20", SECOND, "ported_out", "voluntary", "2007-11-12"),
    )

    found = told(programme, both)

    assert tomorrow.exists()
    assert [loss.member_ref for loss in found.losses] == ["LI", "LI-2"]
    assert sum(part.points for part in found.totals.points) == 1_000


def test_a_file_that_is_none_is_refused(programme, tmp_path):
    path = tmp_path / "wrong.csv"
    path.write_text("msisdn,event\n", encoding="utf-8")

    with pytest.raises(MalformedFile):
        told(programme, path)
    assert programme.member("WANG").left_on is None


def test_the_command_tells_and_writes_a_report(programme, tomorrow, cli, tmp_path):
    out = tmp_path / "report.csv"

    words = cli("churn", "dry-run", tomorrow, "--out", out)
    figures = cli("churn", "dry-run", tomorrow, "--json")

    assert (words.exit_code, figures.exit_code) == (0, 0), words.stderr
    assert "1 members would lose:" in words.stdout
    assert "21.70 yuan in all" in words.stdout
    found = json.loads(figures.stdout)
    assert found["totals"]["fen"] == 2_170
    assert found["losses"][0]["fen"] == 2_170
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome"] for row in rows] == ["loses"] + ["spared"] * 5 + [
        "rejected"
    ] * 2
    assert rows[0]["points"] == "2170"
    assert rows[0]["by_lot"].startswith("150 CUP operator bill; 2000 CUP")
    assert programme.member("WANG").left_on is None
