"""One call per batch: however entries are batched, the books come out the same."""

from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from ledger.book import ENTRIES_MAX, Book
from ledger.errors import LedgerError
from ledger.values import Posted
from tests.ledger.makers import (
    DAY,
    LATER,
    SOON,
    accrue,
    capture,
    claw_back,
    credit,
    earn,
    expire,
    give_back,
    hold,
    lot,
    redeem,
    reinstate,
    release,
    settle_bill,
    void,
)

amounts = st.integers(1, 50)
lots = st.sampled_from([lot(SOON), lot(LATER), lot(SOON, "CEB"), lot(None)])
# What may be wished for; the ids of what stands already come later.
wishes = st.one_of(
    st.tuples(st.sampled_from([credit, earn, settle_bill]), amounts, lots),
    st.tuples(st.sampled_from([redeem, hold, claw_back, accrue]), amounts),
    st.tuples(st.just(expire), st.sampled_from([SOON, LATER])),
    st.tuples(st.just(void)),
)
undoings = st.tuples(
    st.sampled_from([give_back, capture, release]), st.none() | st.integers(1, 20)
)


def answers_of(posted):
    return [
        answer.code if isinstance(answer, LedgerError) else "posted"
        for answer in posted
    ]


def books_of(book):
    """All that the books say, but for ids and times."""
    apart = {"id", "recorded_at", "reverses"}
    return [
        (
            book.lots(member),
            [book.balance(member, unit) for unit in ("CUP", "UNI")],
            [
                {k: v for k, v in asdict(line).items() if k not in apart}
                for line in book.statement(member)
            ],
        )
        for member in (1, 2)
    ]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    wished=st.lists(
        st.tuples(wishes | undoings | st.just((reinstate,)), st.sampled_from([1, 2])),
        min_size=2,
        max_size=25,
    ),
    chunk=st.integers(2, 8),
)
def test_entries_posted_singly_or_in_batches_give_the_same_books(
    database, wished, chunk
) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        book = Book(Session(connection))
        book.open([1, 2], opened_on=DAY)
        undone = {1: stand(book, 1), 2: stand(book, 2)}
        entries = []
        for (make, *arguments), member in wished:
            original = [undone[member][make]] if make in undone[member] else []
            entries.append(make(*original, *arguments, member=member))

        results = []
        for size in (1, chunk, len(entries)):
            before = connection.begin_nested()
            answers = []
            for start in range(0, len(entries), size):
                answers += book.post_many(entries[start : start + size])
            assert book.prove() == []
            results.append((answers_of(answers), books_of(book)))
            before.rollback()
        transaction.rollback()

    singly, chunked, at_once = results
    assert singly == chunked == at_once


def stand(book, member):
    """Post what may be undone later: by whom, and its id."""
    first = [earn(60, lot(SOON)), credit(60, lot(LATER)), void(), accrue(20)]
    first += [earn(40, lot(LATER)), credit(30), redeem(25), hold(35)]
    posted = book.post_many([replace(entry, member_id=member) for entry in first])
    assert all(isinstance(answer, Posted) for answer in posted)
    return {
        reinstate: posted[2].id,
        give_back: posted[6].id,
        capture: posted[7].id,
        release: posted[7].id,
    }


def test_an_empty_batch_has_no_answers(book):
    assert book.post_many([]) == []


def test_a_batch_has_a_limit(book):
    with pytest.raises(AssertionError):
        book.post_many([credit(1)] * (ENTRIES_MAX + 1))


def test_a_thousand_entries_of_one_member_are_a_batch_like_any_other(book):
    answers = book.post_many([credit(10)] + [redeem(1) for _ in range(999)])

    assert [isinstance(answer, Posted) for answer in answers] == [True] * 11 + [
        False
    ] * 989
