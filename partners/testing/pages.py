"""What must hold of lines that are fetched page by page: once each, and in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from partners.ports import Outcome
from partners.testing.orders import Plan

LIMIT = 3


@dataclass(frozen=True, slots=True)
class PagesBench:
    """A way to fetch a partner's lines, with what it writes under control."""

    read: Callable[..., Any]  # the adapter's method: a cursor, and a `limit`
    # Writes so many good lines and returns what must be read of them, in order.
    post: Callable[[int], list[Any]]
    post_bad: Callable[[], Any]  # writes one line that cannot be used
    plan: Callable[[Plan], None]


class PagesContract:
    """Every line is read once, in order, and a bad one hides no other.

    Give a fixture `bench` whose partner has written nothing.
    """

    def test_lines_are_read_page_by_page(self, bench):
        posted = bench.post(2 * LIMIT + 1)

        pages = [first := bench.read(None, limit=LIMIT)]
        while pages[-1].has_more:
            pages.append(bench.read(pages[-1].cursor, limit=LIMIT))

        assert first.outcome is Outcome.CONFIRMED
        assert [line for page in pages for line in page.lines] == posted
        assert [len(page.lines) for page in pages] == [LIMIT, LIMIT, 1]

    def test_a_cursor_gives_the_same_lines_again(self, bench):
        bench.post(LIMIT + 1)
        cursor = bench.read(None, limit=1).cursor

        first, second = (bench.read(cursor, limit=LIMIT) for _ in range(2))

        assert first == second
        assert len(first.lines) == LIMIT

    def test_what_is_posted_later_comes_after_the_cursor(self, bench):
        bench.post(1)
        read = bench.read(None, limit=LIMIT)
        nothing_new = bench.read(read.cursor, limit=LIMIT)
        later = bench.post(1)

        found = bench.read(nothing_new.cursor, limit=LIMIT)

        assert nothing_new.lines == ()
        assert not nothing_new.has_more
        assert list(found.lines) == later

    def test_a_bad_line_hides_no_other(self, bench):
        before = bench.post(1)
        bench.post_bad()
        after = bench.post(1)

        page = bench.read(None, limit=LIMIT)

        assert page.outcome is Outcome.CONFIRMED
        assert list(page.lines) == before + after
        (bad,) = page.bad_lines
        assert bad.position == 2
        assert bad.reason
        assert not page.has_more

    @pytest.mark.parametrize("plan", [Plan.SIGN_WRONGLY, Plan.TALK_NONSENSE])
    def test_what_the_partner_did_not_say_is_not_read(self, bench, plan):
        bench.post(1)
        bench.plan(plan)

        page = bench.read(None, limit=LIMIT)

        assert page.outcome is Outcome.UNKNOWN
        assert page.lines == ()
        assert page.cursor is None
        assert page.reason
