"""Four eyes: held by the use cases, and by the database against everybody."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loyalty.approvals import operations
from loyalty.approvals.errors import (
    AlreadyRequested,
    ApprovalDecided,
    ApprovalExpired,
    NotYourRequest,
    OwnRequest,
    UnknownApproval,
)
from loyalty.approvals.queries import approval, decided, open_approvals
from loyalty.staff.models import Staff

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAKER, CHECKER = 1, 2


def employ(session):
    for staff_id in (MAKER, CHECKER):
        session.add(
            Staff(
                staff_id=staff_id,
                login=f"login-{staff_id}",
                name="某人",
                roles=["product"],
                password_hash="",
                created_at=NOON,
            )
        )
    session.flush()


@pytest.fixture
def ask(session):
    employ(session)

    def request(*, subject="INS-A", at=NOON, action="catalogue.change"):
        return operations.request(
            session,
            action=action,
            subject=subject,
            before={"points": 2500},
            after={"points": 2600},
            reason="the insurer asks more",
            maker=MAKER,
            at=at,
        )

    return request


@pytest.fixture
def approve(session):
    def decide(found, *, checker=CHECKER, at=NOON):
        return operations.approve(
            session, approval_id=found.approval_id, checker=checker, note="好", at=at
        )

    return decide


def test_somebody_asks_and_somebody_else_agrees(session, ask, approve):
    asked = ask()
    assert asked.state == "open"
    assert list(open_approvals(session, at=NOON)) == [asked]

    found = approve(asked, at=NOON + HOUR)

    assert (found.state, found.checker, found.note) == ("approved", CHECKER, "好")
    assert (found.before, found.after) == ({"points": 2500}, {"points": 2600})
    assert list(open_approvals(session, at=NOON)) == []
    assert list(decided(session, at=NOON)) == [found]
    assert approval(session, approval_id=found.approval_id) is found


def test_nobody_decides_about_what_they_asked(session, ask, approve):
    asked = ask()

    with pytest.raises(OwnRequest):
        approve(asked, checker=MAKER)
    with pytest.raises(OwnRequest):
        operations.reject(
            session, approval_id=asked.approval_id, checker=MAKER, note=None, at=NOON
        )
    assert approval(session, approval_id=asked.approval_id).state == "open"


def test_a_request_is_decided_once(session, ask, approve):
    asked = ask()
    operations.reject(
        session, approval_id=asked.approval_id, checker=CHECKER, note="no", at=NOON
    )

    with pytest.raises(ApprovalDecided) as refused:
        approve(asked)
    assert refused.value.facts["state"] == "rejected"


def test_a_request_expires_after_72_hours(session, ask, approve):
    asked = ask()

    assert list(open_approvals(session, at=NOON + 72 * HOUR)) == [asked]
    late = NOON + 72 * HOUR + timedelta(seconds=1)
    assert list(open_approvals(session, at=late)) == []
    assert list(decided(session, at=late)) == [asked]
    with pytest.raises(ApprovalExpired):
        approve(asked, at=late)


def test_the_last_moment_is_in_time(ask, approve):
    assert approve(ask(), at=NOON + 72 * HOUR).state == "approved"


def test_the_same_is_asked_once_until_it_is_decided_or_expires(session, ask, approve):
    first = ask()

    with pytest.raises(AlreadyRequested):
        ask(at=NOON + HOUR)
    ask(subject="INS-B")
    ask(action="catalogue.publish")

    again = ask(at=NOON + 73 * HOUR)
    session.refresh(first)
    assert first.state == "expired"
    with pytest.raises(ApprovalExpired):
        approve(first)
    assert approve(again, at=NOON + 74 * HOUR).state == "approved"
    assert ask(at=NOON + 75 * HOUR).state == "open"


def test_who_asked_may_withdraw_and_nobody_else(session, ask, approve):
    asked = ask()
    who = {"approval_id": asked.approval_id, "at": NOON}

    with pytest.raises(NotYourRequest):
        operations.withdraw(session, maker=CHECKER, **who)
    assert operations.withdraw(session, maker=MAKER, **who).state == "withdrawn"
    with pytest.raises(ApprovalDecided):
        approve(asked)


def test_a_request_nobody_made_is_unknown(session):
    with pytest.raises(UnknownApproval):
        approval(session, approval_id=4711)
    with pytest.raises(UnknownApproval):
        operations.approve(
            session, approval_id=4711, checker=CHECKER, note=None, at=NOON
        )


@pytest.mark.parametrize(
    ("statement", "wall"),
    [
        # What one asked for oneself cannot be approved, by whatever statement.
        (
            "UPDATE approval SET state = 'approved', checker = 1, decided_at = :now",
            "approval_four_eyes",
        ),
        # Nor by becoming somebody else afterwards, or writing both at once.
        ("UPDATE approval SET maker = 2", "permission denied"),
        (
            (
                "INSERT INTO approval (action, subject, after, reason, maker,"
                " requested_at, expires_at, state, checker, decided_at)"
                " VALUES ('a', 's', '{}', 'r', 1, :now, :later, 'approved', 2, :now)"
            ),
            "permission denied",
        ),
        # Nor by asking for one thing and changing it to another.
        ("UPDATE approval SET after = '{\"points\": 1}'", "permission denied"),
        # Nor after its time, nor without anybody, nor by asking for more time.
        (
            (
                "UPDATE approval SET state = 'approved', checker = 2,"
                " decided_at = CAST(:now AS timestamptz) + interval '73 hours'"
            ),
            "approval_decided_in_time",
        ),
        (
            "UPDATE approval SET state = 'approved', decided_at = :now",
            "approval_decided_whole",
        ),
        ("UPDATE approval SET expires_at = 'infinity'", "permission denied"),
        (
            (
                "INSERT INTO approval (action, subject, after, reason, maker,"
                " requested_at, expires_at) VALUES ('a', 's', '{}', 'r', 1, :now,"
                " CAST(:now AS timestamptz) + interval '73 hours')"
            ),
            "approval_expires_in_72_hours",
        ),
        ("DELETE FROM approval", "permission denied"),
    ],
)
def test_the_database_holds_four_eyes_against_any_sql(session, ask, statement, wall):
    ask()
    facts = {"now": NOON, "later": NOON + HOUR}
    used = {name: at for name, at in facts.items() if f":{name}" in statement}

    with pytest.raises(DBAPIError, match=wall):
        session.execute(text(statement), used)


def test_the_database_lets_nobody_decide_again(session, ask, approve):
    approve(ask())

    with pytest.raises(DBAPIError, match="is decided"):
        session.execute(text("UPDATE approval SET state = 'rejected'"))


def test_of_those_who_race_to_decide_one_does(fresh_database):
    with fresh_database.unit_of_work() as session:
        employ(session)
        asked = operations.request(
            session,
            action="catalogue.publish",
            subject="INS-A",
            before=None,
            after={},
            reason="new",
            maker=MAKER,
            at=NOON,
        )

    def decide(_):
        try:
            with fresh_database.unit_of_work() as session:
                operations.approve(
                    session,
                    approval_id=asked.approval_id,
                    checker=CHECKER,
                    note=None,
                    at=NOON,
                )
        except ApprovalDecided:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(decide, range(8))) == 1
