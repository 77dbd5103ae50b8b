from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loyalty.audit.operations import record
from loyalty.audit.queries import trail

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def note(session):
    def write(action, object_, *, actor="li.na", at=NOON, **more):
        record(
            session,
            at=at,
            actor=actor,
            roles=["product"],
            source="127.0.0.1",
            action=action,
            object_=object_,
            request_id="r1",
            **more,
        )

    return write


def test_what_was_done_is_read_newest_first(session, note):
    note("item.draft", "item:INS-A", after={"points": 2500})
    note("item.change", "item:INS-A", before={"points": 2500}, after={"points": 2600})
    note("item.draft", "item:INS-B", actor="wu", at=NOON + timedelta(days=1))

    assert [row.object_ for row in trail(session)] == [
        "item:INS-B",
        "item:INS-A",
        "item:INS-A",
    ]
    first = trail(session, object_="item:INS-A", action="item.draft")[0]
    assert (first.before, first.after) == (None, {"points": 2500})
    assert session.scalar(text("SELECT count(*) FROM audit WHERE before IS NULL")) == 2
    assert len(trail(session, actor="wu")) == 1
    assert len(trail(session, before_id=first.id)) == 0
    assert len(trail(session, limit=2)) == 2


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"],
)
def test_what_was_written_stays(session, note, statement):
    note("item.draft", "item:INS-A")

    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(text(statement))
