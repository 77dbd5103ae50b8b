"""Partners take the codes of club benefits."""

import pytest

from loyalty.clock import now
from loyalty.clubs.benefits import issue_code
from loyalty.clubs.operations import invite
from loyalty.orders.belonging import join_club
from loyalty.settlement.drawing import draw_up


@pytest.fixture
def code(fresh_database, member, keyring):
    """Have a member of the table-tennis club make a code; the first call joins."""
    joined: list[str] = []

    def make():
        with fresh_database.unit_of_work() as session:
            facts = {"member_id": member, "club": "TT", "at": now()}
            if not joined:
                invite(session, days=9, reference="ask", actor="test", **facts)
                joined.append(
                    join_club(
                        session,
                        way="invitation",
                        reference="joined",
                        actor="member",
                        **facts,
                    ).membership_ref
                )
            return issue_code(
                session,
                member_id=member,
                membership_ref=joined[0],
                entitlement="coaching",
                keyring=keyring,
                at=now(),
            ).code

    return make


def test_a_partner_takes_a_code_once(enroll, code, rows, proved, fresh_database):
    hall = enroll("TTCLUB")
    wanted = {"partner_ref": "B1", "code": code().lower()}

    first = hall.post("/benefit-uses", wanted)
    again = hall.post("/benefit-uses", wanted)
    other = hall.post("/benefit-uses", wanted | {"partner_ref": "B2"})

    assert first.status_code == 201
    told = first.json()
    assert (told["club"], told["entitlement"], told["left"]) == ("TT", "coaching", 3)
    assert (again.status_code, again.json()["used_at"]) == (201, told["used_at"])
    assert (other.status_code, other.json()["code"]) == (409, "benefit_code_spent")
    assert rows("SELECT used FROM club_benefit") == [(1,)]
    assert rows("SELECT club, kind, fen FROM club_cost") == [("TT", "coaching", 60_00)]
    assert proved() == []
    with fresh_database.unit_of_work() as session:
        day = now().date()
        owed = draw_up(session, partner="TTCLUB", day=day, actor="t", at=now())
        assert (owed.payable_fen, owed.due_fen) == (60_00, -60_00)
    ((reference,),) = rows("SELECT event_ref FROM statement_line")
    assert reference.startswith("benefit:")


def test_a_partners_name_for_a_use_is_for_ever(enroll, code, rows):
    hall = enroll("TTCLUB")
    hall.post("/benefit-uses", {"partner_ref": "B1", "code": code()})

    second = hall.post("/benefit-uses", {"partner_ref": "B1", "code": code()})

    assert (second.status_code, second.json()["code"]) == (409, "reference_reused")
    assert rows("SELECT used FROM club_benefit") == [(1,)]


def test_what_was_refused_binds_nothing(enroll, code, rows):
    hall = enroll("TTCLUB")

    missed = hall.post(
        "/benefit-uses", {"partner_ref": "B1", "code": "AAAA BBBB CCCC DDDD"}
    )
    assert (missed.status_code, missed.json()["code"]) == (404, "unknown_benefit_code")
    assert rows("SELECT count(*) FROM claim WHERE space = 'benefit_use'") == [(0,)]

    taken = hall.post("/benefit-uses", {"partner_ref": "B1", "code": code()})
    assert taken.status_code == 201
