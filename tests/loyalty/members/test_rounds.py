"""Lines of one member that depend on each other, and those that do not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.claims import fill, rounds


@pytest.fixture
def chunk(session: Session) -> Iterator[Session]:
    """Lines 1 to 7 of members 1 and 2, about bills a, b and c; line 8 is nobody's."""
    session.execute(
        text(
            "CREATE TEMP TABLE line ON COMMIT DROP AS SELECT * FROM (VALUES"
            " (1, 1, 'a'), (2, 2, 'c'), (3, 1, 'b'), (4, 1, 'a'), (5, 1, 'b'),"
            " (6, 1, 'b'), (7, 2, 'c'), (8, NULL, 'a')) l(line_no, member_id, bill)"
        )
    )
    yield session
    session.execute(text("DROP TABLE line"))


def lines(session: Session) -> list[int]:
    """Return the numbers of the lines that are there now."""
    return list(session.scalars(text("SELECT line_no FROM line ORDER BY line_no")))


def locks(session: Session) -> int:
    """Return how many locks this transaction holds."""
    return int(
        session.scalar(
            text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()")
        )
        or 0
    )


def test_a_member_has_one_line_in_a_round(chunk):
    assert [lines(chunk) for _ in rounds(chunk)] == [[1, 2], [3, 7], [4], [5], [6]]
    assert lines(chunk) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_round_ends_where_a_key_comes_again(chunk):
    found = [lines(chunk) for _ in rounds(chunk, key="bill")]

    # Line 5 names b after 3; it stands in a later round, and after line 4.
    assert found == [[1, 2, 3], [4, 7], [5], [6]]


def test_rounds_do_not_use_up_the_locks_of_the_server(chunk):
    chunk.execute(
        text("INSERT INTO line SELECT n, 1, 'a' FROM generate_series(9, 48) n")
    )

    held = []
    for _ in rounds(chunk):
        fill(chunk, "happening", "SELECT line_no, bill FROM line")
        held.append(locks(chunk))

    assert len(held) == 45
    assert held[-1] == held[1]


def test_what_is_filled_again_holds_nothing_from_before(session):
    for number in (1, 2):
        fill(session, "filled", "SELECT CAST(:n AS int) AS n", {"n": number})

    assert session.scalars(text("SELECT n FROM filled")).all() == [2]
