"""R10: the deck's comparisons, out of lines and bills (domain.md A24 to A26)."""

from datetime import date
from fractions import Fraction

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.reports.comparisons import locked_revenue
from loyalty.rules.operations import starting_terms
from tests.loyalty.orders.shop import INSURED, Shop

OCTOBER = date(2007, 10, 1)


@pytest.fixture
def populate(session):
    """Let so many lines of members be alive, billed the same, of which some leave."""

    def write(first, count, *, billed_fen, left, state="ported_out"):
        facts = {
            "first": first,
            "last": first + count - 1,
            "billed": billed_fen,
            "left": left,
            "state": state,
        }
        session.execute(
            text(
                "INSERT INTO member (member_id, member_ref, joined_on)"
                " SELECT i, 'M' || i, '2006-01-01' FROM generate_series("
                " CAST(:first AS int), :last) i"
            ),
            facts,
        )
        session.execute(
            text(
                """
                INSERT INTO subscription (
                    member_id, msisdn, activated_on, network, brand, pay_type, state,
                    state_at, ended_on, content)
                SELECT i, CAST(13000000000 + i AS text), '2006-01-01', 'CDMA',
                       'worldwind', 'postpaid',
                       CASE WHEN i < :first + :left THEN :state ELSE 'active' END,
                       '2007-10-20',
                       CASE WHEN i < :first + :left THEN date '2007-10-20' END,
                       gen_random_uuid()
                  FROM generate_series(CAST(:first AS int), :last) i
                """
            ),
            facts,
        )
        session.execute(
            text(
                """
                INSERT INTO bill (
                    member_id, bill_ref, msisdn, period, billed_on, due_on,
                    effective_on, amount_fen, due_fen, paid_fen, points_num, points_den,
                    rule_version, points, standing, standing_on, latest_on)
                SELECT i, 'B' || i, CAST(13000000000 + i AS text), '2007-09-01',
                       '2007-10-05', '2007-10-25', '2007-10-05', :billed + 100, :billed,
                       0, 1, 1, 1, 0, 'none', '2007-10-05', '2007-10-05'
                  FROM generate_series(CAST(:first AS int), :last) i
                """
            ),
            facts,
        )

    return write


@pytest.fixture
def insure(session):
    """Let members have taken an insurance on a day."""

    def take(first, last, on="2007-09-15", given_back=0):
        session.execute(
            text(
                """
                INSERT INTO redemption (
                    member_id, redemption_ref, item_code, quantity, channel,
                    occurred_at, points, settlement_fen, partner, cost_treatment,
                    effective_on)
                SELECT i, 'R' || i, 'INS-A', 1, 'hall', CAST(:on AS date), 0, 2000,
                       'PINGAN', 'POINTS_ACCRUAL', CAST(:on AS date)
                  FROM generate_series(CAST(:first AS int), :last) i
                """
            ),
            {"first": first, "last": last, "on": on},
        )
        session.execute(
            text(
                """
                INSERT INTO redemption_return (
                    member_id, redemption_ref, return_ref, quantity, points,
                    settlement_fen, effective_on, occurred_at)
                SELECT i, 'R' || i, 'back', 1, 0, 2000, '2007-09-20', '2007-09-20'
                  FROM generate_series(CAST(:first AS int), :first + :count - 1) i
                """
            ),
            {"first": first, "count": given_back},
        )

    return take


def redeem(session, order):
    """Write down that an order was fulfilled, as its last step does."""
    session.execute(
        text(
            """
            INSERT INTO redemption (
                member_id, redemption_ref, item_code, quantity, channel, occurred_at,
                points, settlement_fen, partner, cost_treatment, effective_on)
            SELECT member_id, 'order:' || order_ref, item_code, quantity, channel,
                   placed_at, points, settlement_fen, partner, cost_treatment,
                   '2007-10-15'
              FROM member_order WHERE order_ref = :order_ref
            """
        ),
        {"order_ref": order.order_ref},
    )


def give_back(session, order):
    """Write down that all of an order was given back."""
    session.execute(
        text(
            """
            INSERT INTO redemption_return (
                member_id, redemption_ref, return_ref, quantity, points,
                settlement_fen, effective_on, occurred_at)
            SELECT member_id, redemption_ref, 'back', quantity, points,
                   settlement_fen, '2007-10-20', '2007-10-20'
              FROM redemption WHERE redemption_ref = 'order:' || :order_ref
            """
        ),
        {"order_ref": order.order_ref},
    )


@pytest.mark.usefixtures("terms")
def test_the_insured_are_worth_half_as_much_again_and_leave_less(
    session, populate, insure, make, rows_of
):
    load_items(session, items=starting_terms()["item"])
    populate(1, 10_000, billed_fen=137_60, left=98)
    populate(20_001, 10_000, billed_fen=90_59, left=255)
    insure(1, 10_000)

    rows = rows_of(make(session, "comparison", OCTOBER), "campaigns")

    insured = rows["item:INS-A"]
    assert insured["participants_arpu"] == Fraction("137.60")
    assert insured["control_arpu"] == Fraction("90.59")
    assert round(insured["uplift"], 3) == Fraction("0.519")
    assert insured["participants_churn"] == Fraction("0.0098")
    assert insured["control_churn"] == Fraction("0.0255")
    assert insured["churn_less"] == Fraction("-0.0157")
    assert insured["locked_fen"] == 10_000 * 137_60 * 12
    assert rows["any"]["churn_less"] == Fraction("-0.0157")


@pytest.mark.usefixtures("terms")
def test_who_gave_it_back_came_later_or_moved_inside_is_no_participant_and_no_leaver(
    session, populate, insure, make, rows_of
):
    populate(1, 10, billed_fen=100_00, left=2)
    populate(101, 10, billed_fen=50_00, left=4, state="migrated")
    insure(1, 6, given_back=3)
    insure(7, 10, on="2007-10-01")

    insured = rows_of(make(session, "comparison", OCTOBER), "campaigns")["item:INS-A"]

    assert (insured["participants_lines"], insured["control_lines"]) == (3, 17)
    assert (insured["participants_gone"], insured["control_gone"]) == (0, 2)


def test_the_direct_cost_of_prepay_offers_is_a_fifth_of_what_is_prepaid(
    session, make, rows_of
):
    shop = Shop(session)
    shop.open()
    li, wang = shop.member(), shop.member()
    for member, item in ((li, "INS-B"), (wang, "INS-A"), (li, "INS-A")):
        order = shop.place(member, item, way="cash", recipient=INSURED).order
        redeem(session, order)
    # The last one was given back within the days of free look.
    give_back(session, order)

    prepaid = rows_of(make(session, "comparison", OCTOBER), "prepaid")

    assert (prepaid["INS-B"]["settlement_fen"], prepaid["INS-B"]["cash_fen"]) == (
        40_00,
        200_00,
    )
    assert prepaid["INS-B"]["direct_cost"] == Fraction(1, 5)
    assert prepaid["INS-A"]["direct_cost"] == Fraction(1, 5)
    assert prepaid["all"]["direct_cost"] == Fraction(1, 5)
    assert Book(session).prove() == []


def test_locked_revenue_is_what_the_deck_says():
    insured, arpu = 150_000, Fraction(137_60)

    assert round(Fraction(260_000_000, insured)) == 1_733
    assert round(Fraction(1_733_00) / arpu, 1) == Fraction("12.6")
    bound = locked_revenue(insured, arpu_fen=arpu, months=Fraction("12.6"))
    assert round(bound, -8) == 260_000_000_00
    year = locked_revenue(insured, arpu_fen=arpu, months=Fraction(12))
    assert round(year, -7) == 247_700_000_00
