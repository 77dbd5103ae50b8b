"""What leaving the network ends, what it gives back, and what coming back restores."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from loyalty.clubs import operations, queries
from loyalty.clubs.errors import BenefitCodeSpent
from loyalty.clubs.operations import Ended, Leaver, Reinstated
from loyalty.orders.belonging import GivenBack, refund_ended
from tests.loyalty.clubs.conftest import at_noon
from tests.loyalty.orders.shop import NOON

LEFT_ON = date(2008, 2, 1)  # in the fourth month of those who joined at NOON
LEFT_AT = at_noon(LEFT_ON)
CHURN = "churn:E1"


@pytest.fixture
def end(club):
    """Let members leave the network."""

    def leave(*members, reference=CHURN, on=LEFT_ON):
        for member_id in members:
            club.left(member_id, on=on)
        return operations.end_all(
            club.session,
            leavers=[Leaver(member_id, on, reference) for member_id in members],
            actor="job:churn",
            at=at_noon(on),
        )

    return leave


@pytest.fixture
def come_back(club):
    """Let members come back."""

    def back(*members, reference=CHURN, on=LEFT_ON + timedelta(days=30)):
        club.session.execute(
            text("UPDATE member SET left_on = NULL WHERE member_id = ANY (:members)"),
            {"members": list(members)},
        )
        return operations.reinstate(
            club.session,
            returners=[Leaver(member_id, on, reference) for member_id in members],
            actor="job:churn",
            at=at_noon(on),
        )

    return back


def states(club, member_id):
    return {
        one.club: one.state
        for one in queries.history(club.session, member_id=member_id)
    }


def test_leaving_ends_every_membership_of_a_set(club, end):
    """domain.md A31."""
    leavers = [club.member() for _ in range(3)]
    stays = club.member()
    for member_id in (*leavers, stays):
        club.join(member_id)
        club.join(member_id, "FIT")
    club.pay_fee(leavers[0])

    assert end(*leavers) == Ended(memberships=7, members=3, refunds_due=1, kept=0)

    for member_id in leavers:
        assert queries.cards(club.session, member_id=member_id, on=LEFT_ON) == []
    assert len(queries.cards(club.session, member_id=stays, on=LEFT_ON)) == 2
    assert end(*leavers) == Ended(0, 0, 0, 0)


def test_a_paid_fee_is_given_back_and_never_forfeited(club, end):
    member_id = club.member()
    club.pay_fee(member_id)
    end(member_id)

    given = refund_ended(club.session, actor="job:refund-clubs", at=LEFT_AT)

    assert given == GivenBack(memberships=1, months=8, points=0, cash_fen=16_66)
    assert club.rows("SELECT amount_fen, state FROM refund") == [(16_66, "asked")]
    assert states(club, member_id) == {"CAR": "refunded"}
    again = refund_ended(club.session, actor="job:refund-clubs", at=LEFT_AT)
    assert again == GivenBack()


def test_points_of_somebody_who_left_are_void_with_the_others(club, end):
    member_id = club.member(2_500)
    club.place(member_id, "CLUB-CAR")
    end(member_id)

    refund_ended(club.session, actor="job:refund-clubs", at=LEFT_AT)

    assert club.available(member_id) == 0
    assert club.rows("SELECT points FROM redemption_return") == [(2_500 * 8 // 12,)]


def test_what_the_terms_keep_holds_to_its_last_day(club, end):
    member_id = club.member()
    club.session.execute(
        text(
            """
            INSERT INTO community_terms SELECT 2, community, rank, title_zh, title_en
              FROM community_terms;
            INSERT INTO club_terms SELECT 2, club, community, title_zh, title_en,
                   description_zh, description_en, emblem, ways, tiers, item_code,
                   term_months, renew_days, refund, refund_days, 'keep'
              FROM club_terms
            """
        )
    )
    club.pay_fee(member_id)

    assert end(member_id) == Ended(0, 0, 0, 1)
    assert states(club, member_id) == {"CAR": "active"}


def test_coming_back_gives_the_same_memberships_back_once(club, end, come_back):
    member_id = club.member(2_500)
    club.place(member_id, "CLUB-CAR")
    club.join(member_id)
    club.use(club.code_of(member_id, "CAR", "rescue"))
    before = queries.history(club.session, member_id=member_id)
    cards = queries.cards(club.session, member_id=member_id, on=LEFT_ON)
    end(member_id)

    assert come_back(member_id) == Reinstated(2, 1, lapsed=0, refunded=0)

    assert queries.history(club.session, member_id=member_id) == before
    assert queries.cards(club.session, member_id=member_id, on=LEFT_ON) == cards
    assert come_back(member_id) == Reinstated(0, 0, 0, 0)
    assert refund_ended(club.session, actor="job", at=LEFT_AT) == GivenBack()
    # The leaving that was taken back is over, also if its file is read again.
    assert end(member_id) == Ended(0, 0, 0, 0)


def test_another_leaving_ends_what_was_given_back(club, end, come_back):
    member_id = club.member()
    club.join(member_id)
    end(member_id)
    come_back(member_id)

    later = LEFT_ON + timedelta(days=60)
    assert end(member_id, reference="churn:E2", on=later).memberships == 1
    assert come_back(member_id, reference=CHURN).memberships == 0
    assert come_back(member_id, reference="churn:E2").memberships == 1


def test_who_was_paid_back_does_not_have_it_as_well(club, end, come_back):
    member_id = club.member()
    club.pay_fee(member_id)
    end(member_id)
    refund_ended(club.session, actor="job:refund-clubs", at=LEFT_AT)

    assert come_back(member_id) == Reinstated(0, 0, lapsed=0, refunded=1)
    assert states(club, member_id) == {"CAR": "refunded"}


def test_what_has_run_out_meanwhile_comes_back_lapsed(club, end, come_back):
    member_id = club.member()
    club.join(member_id)
    end(member_id, on=date(2008, 10, 1))

    assert come_back(member_id, on=date(2008, 10, 20)).lapsed == 1
    assert states(club, member_id) == {"TT": "lapsed"}


def test_who_joined_anew_has_one_place_and_not_two(club, end, come_back):
    member_id = club.member()
    club.join(member_id)
    end(member_id)
    club.session.execute(text("UPDATE member SET left_on = NULL"))
    club.join(member_id, at=LEFT_AT + timedelta(days=2))

    assert come_back(member_id).memberships == 0
    assert len(queries.cards(club.session, member_id=member_id, on=LEFT_ON)) <= 1


def test_codes_are_void_when_the_member_leaves(club, end):
    member_id = club.member()
    club.join(member_id)
    code = club.code(member_id, "coaching").code
    end(member_id, on=NOON.date())

    with pytest.raises(BenefitCodeSpent):
        club.use(code)


def test_each_step_of_a_membership_is_written_down(club, end, come_back):
    member_id = club.member()
    club.join(member_id)
    end(member_id)
    come_back(member_id)

    assert club.rows(
        "SELECT nth, state, actor, reason FROM club_event ORDER BY nth"
    ) == [
        (1, "active", "member", "invitation"),
        (2, "ended", "job:churn", CHURN),
        (3, "active", "job:churn", CHURN),
    ]
