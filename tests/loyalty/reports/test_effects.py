"""R10: "two up, one down", out of lines and bills (domain.md A46 to A51)."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from sqlalchemy import text

from loyalty.reports.effects import average_users, churn_saving
from loyalty.reports.errors import BadYearlyFigure
from loyalty.reports.yearly import Yearly, record_figure

DECEMBER = date(2007, 12, 1)
AT = datetime(2008, 1, 3, tzinfo=UTC)


@pytest.fixture
def populate(session):
    """Let lines be alive from a day to another, of club members or of others."""
    ids = iter(range(1, 10))

    def write(count, *, since, until=None, member):
        facts = {
            "first": next(ids) * 100_000,
            "count": count,
            "since": since,
            "until": until,
        }
        for statement in (
            """
            INSERT INTO member (member_id, member_ref, joined_on)
            SELECT :first + i, 'M' || :first + i, '2005-01-01'
              FROM generate_series(1, :count) i
            """,
            """
            INSERT INTO subscription (
                member_id, msisdn, activated_on, network, brand, pay_type, state,
                state_at, ended_on, content)
            SELECT :first + i, CAST(13000000000 + :first + i AS text),
                   CAST(:since AS date), 'CDMA', 'up', 'postpaid',
                   CASE WHEN CAST(:until AS date) IS NULL THEN 'active'
                        ELSE 'closed' END, '2005-01-01', CAST(:until AS date),
                   gen_random_uuid()
              FROM generate_series(1, :count) i
            """,
        ):
            session.execute(text(statement), facts)
        if member:
            session.execute(
                text(
                    "INSERT INTO tier_grant (member_id, tier, granted_on, until,"
                    " reason, actor) SELECT :first + i, 'SILVER', '2005-01-01',"
                    " '2009-12-31', 'test', 'test' FROM generate_series(1, :count) i"
                ),
                facts,
            )
        return facts["first"]

    return write


@pytest.fixture
def bill(session):
    """Bill each of so many lines the same."""

    def write(first, count, *, fen, on):
        session.execute(
            text(
                """
                INSERT INTO bill (
                    member_id, bill_ref, msisdn, period, billed_on, due_on,
                    effective_on, amount_fen, due_fen, paid_fen, points_num, points_den,
                    rule_version, points, standing, standing_on, latest_on)
                SELECT :first + i, 'B' || :on, CAST(13000000000 + :first + i AS text),
                       CAST(:on AS date), CAST(:on AS date), CAST(:on AS date),
                       CAST(:on AS date), :fen,
                       :fen, 0, 1, 1, 1, 0, 'none', CAST(:on AS date),
                       CAST(:on AS date)
                  FROM generate_series(1, :count) i
                """
            ),
            {"first": first, "count": count, "fen": fen, "on": on},
        )

    return write


@pytest.fixture
def bring(session):
    """Write a figure of a year down, brought by somebody of finance."""
    staff_id = session.scalar(
        text(
            "INSERT INTO staff (login, name, roles, password_hash, created_at)"
            " VALUES ('lin', '', '{finance_maker}', '', now()) RETURNING staff_id"
        )
    )

    def write(year, name, hundredths, source="survey"):
        record_figure(
            session,
            year=year,
            name=name,
            hundredths=hundredths,
            source=source,
            staff_id=staff_id,
            at=AT,
        )

    return write


@pytest.mark.usefixtures("terms")
def test_members_leave_less_than_the_year_before_and_what_that_saves(
    session, populate, bring, make, rows_of
):
    # 10,000 members each year, of whom 1,098 leave, and 845.
    populate(1_098, since="2005-01-01", until="2006-12-20", member=True)
    populate(8_057, since="2005-01-01", member=True)
    populate(845, since="2005-01-01", until="2007-12-20", member=True)
    populate(1_098, since="2006-12-15", member=True)
    bring(2007, Yearly.ACQUISITION_COST, 600_00)
    bring(2007, Yearly.CHURN_TARGET, 10_00)

    tiles = rows_of(make(session, "effects", DECEMBER), "tiles")

    assert tiles["2007"]["member_churn"] == Fraction("0.0845")
    assert tiles["2006"]["member_churn"] == Fraction("0.1098")
    assert tiles["change"]["member_churn"] == Fraction("-0.0253")
    assert tiles["2007"]["churn_target"] == Fraction("0.10")
    assert tiles["2007"]["members_average"] == 10_000
    assert tiles["change"]["churn_saving"] == 253 * 600_00


@pytest.mark.usefixtures("terms")
def test_members_are_worth_several_times_the_network(
    session, populate, bill, make, rows_of
):
    members = populate(100, since="2005-01-01", member=True)
    others = populate(900, since="2005-01-01", member=False)
    bill(members, 100, fen=287_80 * 12, on="2006-07-05")
    bill(members, 100, fen=272_70 * 12, on="2007-07-05")
    bill(others, 1, fen=57_70 * 12_000 - 272_70 * 1_200, on="2007-07-06")
    bill(others, 1, fen=1_000_00, on="2008-01-01")

    tiles = rows_of(make(session, "effects", DECEMBER), "tiles")

    now, change = tiles["2007"], tiles["change"]
    assert now["member_arpu"] == Fraction("272.70")
    assert now["network_arpu"] == Fraction("57.70")
    assert round(now["arpu_times"], 2) == Fraction("4.73")
    assert now["member_share"] == Fraction(1, 10)
    assert change["member_arpu"] == Fraction("-15.10")
    assert round(change["member_growth"], 5) == Fraction("-0.05247")


@pytest.mark.usefixtures("terms")
def test_satisfaction_is_the_newest_that_was_brought(session, bring, make, rows_of):
    bring(2006, Yearly.SATISFACTION_MEMBERS, 78_03)
    bring(2006, Yearly.SATISFACTION_MEMBERS, 78_04)
    bring(2007, Yearly.SATISFACTION_MEMBERS, 79_38)
    bring(2006, Yearly.SATISFACTION_GSM, 73_30)
    bring(2007, Yearly.SATISFACTION_GSM, 72_62)

    change = rows_of(make(session, "effects", DECEMBER), "tiles")["change"]

    assert change["satisfaction_members"] == Fraction("1.34")
    assert change["satisfaction_gsm"] == Fraction("-0.68")
    assert change["satisfaction_cdma"] is None
    with pytest.raises(BadYearlyFigure):
        bring(2007, Yearly.SATISFACTION_GSM, 100_01)
    with pytest.raises(BadYearlyFigure):
        bring(2007, Yearly.SATISFACTION_GSM, 50_00, source="")


def test_what_is_published_follows_from_what_is_published():
    members = average_users(1_432_000_000_00, arpu_fen=Fraction(272_70), months=12)
    saved = churn_saving(
        Fraction("0.0253"), members=members, acquisition_fen=Fraction(600_00)
    )

    assert round(members) == 437_599
    assert round(members * Fraction("0.0253")) == 11_071
    assert round(saved, -6) == 6_640_000_00
