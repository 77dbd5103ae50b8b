"""The cohort vectors of domain.md 2.2, to the fen, and what holds for any cohort."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.finance.allocation import as_agent, by_relative_ssp
from loyalty.finance.cohorts import (
    Activity,
    Carried,
    CohortState,
    Movement,
    book,
    close,
    post,
    roll_forward,
)
from loyalty.finance.rules import round_half_up

HALF = Fraction(1, 2)
YUAN = 100

# Example 52 of IFRS 15; KPMG's rounded allocation; the cohort of T3.
EXAMPLE_52 = CohortState(
    issued=10_000,
    allocated=by_relative_ssp(
        100_000 * YUAN, ssps=[Fraction(100_000 * YUAN), Fraction(9_500 * YUAN)]
    )[1],
    expected=Fraction(9_500),
)
KPMG = replace(EXAMPLE_52, allocated=Fraction(9_000 * YUAN))
MILLION = CohortState(
    issued=1_000_000, allocated=Fraction(8_000_00), expected=Fraction(800_000)
)


def fen(exact, *, of=1):
    """The nearest whole number of so many fen."""
    return round_half_up((exact / of).numerator, (exact / of).denominator)


def year(state, *, redeemed, expected):
    """A period in which points were redeemed, and the estimate at its end."""
    return roll_forward(
        state, activity=Activity(redeemed=redeemed), expected=Fraction(expected)
    )


@pytest.mark.parametrize(
    ("state", "years", "in_yuan", "in_fen", "liability"),
    [
        pytest.param(
            EXAMPLE_52,
            [(4_500, 9_500), (4_000, 9_700)],
            [4_110, 3_493],
            [4_109_59, 3_492_92],
            [4_566_21, 1_073_29],
            id="T1",
        ),
        pytest.param(
            KPMG,
            [(4_500, 9_700), (4_000, 9_900)],
            [4_175, 3_552],
            [4_175_26, 3_552_01],
            [4_824_74, 1_272_73],
            id="T2",
        ),
        pytest.param(
            KPMG,
            [(4_500, 9_700), (4_000, 9_200)],
            [4_175, 4_140],
            [4_175_26, 4_139_96],
            [4_824_74, 684_78],
            id="T2 with 9,200",
        ),
    ],
)
def test_published_examples_are_reproduced(state, years, in_yuan, in_fen, liability):
    forwards = []
    for redeemed, expected in years:
        forwards.append(year(state, redeemed=redeemed, expected=expected))
        state = forwards[-1].closing

    revenue = [forward.movement.revenue for forward in forwards]
    assert [fen(each, of=YUAN) for each in revenue] == in_yuan
    assert [fen(each) for each in revenue] == in_fen
    assert [fen(forward.closing.liability) for forward in forwards] == liability


def test_example_52_is_posted_so_that_the_liability_is_right_to_the_fen():
    first = year(EXAMPLE_52, redeemed=4_500, expected=9_500)
    second = year(first.closing, redeemed=4_000, expected=9_700)

    opening = post(Movement(allocated=EXAMPLE_52.allocated), carried=Carried())
    one = post(first.movement, carried=opening.carried)
    two = post(second.movement, carried=one.carried)

    assert opening.allocated == 8_675_80
    assert one.released == 4_109_59
    # 3,492.92 alone; the first year took the larger part of the fen they share.
    assert two.released + two.true_up == 3_492_91
    assert opening.liability + one.liability + two.liability == 1_073_30
    assert fen(second.closing.released) == 7_602_50


def test_a_new_estimate_trues_up_without_a_redemption():
    first = year(MILLION, redeemed=200_000, expected=800_000)
    second = year(first.closing, redeemed=0, expected=850_000)

    assert MILLION.rate == 1  # 0.0100 yuan
    assert first.movement == Movement(released=Fraction(2_000_00))
    assert first.closing.liability == 6_000_00
    assert fen(second.closing.released) == 1_882_35  # T3
    assert fen(second.movement.true_up) == -117_65
    assert post(second.movement, carried=Carried()).liability == 117_65
    assert second.closing.allocated == MILLION.allocated


@pytest.mark.parametrize(
    ("expected", "released", "true_up", "liability"),
    [
        pytest.param(None, 2_000_00, 0, 6_000_00, id="within what was expected"),
        pytest.param(770_000, 2_077_92, 77_92, 5_922_08, id="with fewer expected"),
    ],
)
def test_voided_points_move_money_by_the_estimate_alone(
    expected, released, true_up, liability
):
    redeemed = year(MILLION, redeemed=200_000, expected=800_000).closing
    left = roll_forward(
        redeemed,
        activity=Activity(voided=50_000),
        expected=None if expected is None else Fraction(expected),
    )

    assert fen(left.closing.released) == released  # T6
    assert fen(left.movement.true_up) == true_up
    assert fen(left.closing.liability) == liability


def test_voided_points_that_are_reinstated_leave_no_trace():
    redeemed = year(MILLION, redeemed=200_000, expected=800_000).closing
    voided = roll_forward(
        redeemed, activity=Activity(voided=800_000), expected=Fraction(200_000)
    )

    back = roll_forward(
        voided.closing, activity=Activity(voided=-800_000), expected=Fraction(800_000)
    )

    assert voided.closing.liability == 0
    assert back.movement.revenue == -voided.movement.revenue == -6_000_00
    assert back.closing == redeemed  # J13


@pytest.mark.parametrize(
    ("points", "payable", "release", "revenue"),
    [
        pytest.param(2_500, 20_00, 25_00, 5_00, id="T5 A"),
        pytest.param(4_500, 40_00, 45_00, 5_00, id="T5 B"),
        pytest.param(10_000, 80_00, 100_00, 20_00, id="T7"),
    ],
)
def test_a_redemption_releases_at_the_rate_of_its_cohort(
    points, payable, release, revenue
):
    _, movement = book(MILLION, Activity(redeemed=points))

    net = as_agent(released=movement.released, payable=Fraction(payable))

    assert movement.released == release
    assert net.revenue == revenue


def test_points_that_were_exchanged_in_are_owed_without_the_service():
    _, points = by_relative_ssp(45_00, ssps=[Fraction(5_00), Fraction(40_00)])
    state, movement = book(
        CohortState(),
        Activity(issued=5_000, allocated=points, expected=Fraction(4_000)),
    )

    assert movement == Movement(allocated=Fraction(40_00))
    assert state.liability == 40_00  # T8


def test_a_reversal_takes_back_what_the_redemption_released_then():
    redeemed, then = book(MILLION, Activity(redeemed=2_500))
    estimated, _ = close(redeemed, expected=Fraction(1_000_000))

    returned, movement = book(
        estimated, Activity(returned=2_500, returned_fen=then.released)
    )
    closed, at_close = close(returned)

    assert movement.released == -25_00  # J14, though a point releases 0.0080 now
    assert closed.released == 0
    assert at_close.true_up == 5_00


def test_points_clawed_back_take_their_part_of_the_price_with_them():
    bill = Activity(issued=100, allocated=Fraction(79), expected=Fraction(80))
    state, _ = book(MILLION, bill)
    credit = Activity(issued=-100, allocated=Fraction(-79), expected=Fraction(-80))

    assert book(state, credit) == (MILLION, Movement(allocated=Fraction(-79)))  # J15


def test_what_was_spent_and_then_clawed_back_is_over():
    spent, _ = book(CohortState(), Activity(issued=100, allocated=Fraction(80)))
    spent, _ = book(spent, Activity(redeemed=100))

    short = roll_forward(
        spent, activity=Activity(issued=-40, allocated=Fraction(-32))
    ).closing

    assert (short.open_points, short.is_over) == (-40, True)
    assert short.released == short.allocated == 48


def test_expiry_says_nothing_until_no_point_is_left():
    redeemed = year(MILLION, redeemed=600_000, expected=800_000).closing
    some = roll_forward(redeemed, activity=Activity(expired=100_000))
    rest = roll_forward(some.closing, activity=Activity(expired=300_000))

    assert some.movement == Movement()  # J11
    assert rest.movement == Movement(breakage=Fraction(2_000_00))
    assert rest.closing.liability == 0
    assert rest.closing.breakage == 3_200_00  # 400,000 of a million points


def test_what_is_over_and_released_moves_no_more():
    over = roll_forward(
        year(MILLION, redeemed=600_000, expected=800_000).closing,
        activity=Activity(expired=400_000),
    ).closing

    again = roll_forward(over, activity=Activity())
    back = roll_forward(over, activity=Activity(voided=-100_000))

    assert again.movement == Movement()
    # Points that come back are open again: what was let go for good is taken back.
    assert back.movement == Movement(true_up=Fraction(-2_000_00))


def test_more_redeemed_than_expected_releases_no_more_than_was_deferred():
    forward = roll_forward(MILLION, activity=Activity(redeemed=900_000))

    assert forward.movement == Movement(released=Fraction(8_000_00))
    assert not forward.closing.is_over


def test_the_last_redemptions_release_what_is_left_and_no_more():
    state, _ = book(MILLION, Activity(redeemed=700_000))

    state, last = book(state, Activity(redeemed=200_000))
    _, beyond = book(state, Activity(redeemed=50_000))

    assert last.released == 1_000_00
    assert beyond == Movement()


def test_a_redemption_takes_nothing_back_where_too_much_was_released():
    redeemed, _ = book(MILLION, Activity(redeemed=800_000))
    short, _ = book(redeemed, Activity(issued=-100_000, allocated=Fraction(-800_00)))

    _, movement = book(short, Activity(redeemed=1_000))

    assert short.liability == -800_00
    assert movement == Movement()


def test_points_of_a_month_are_issued_before_they_are_redeemed():
    month = Activity(
        issued=1_000, allocated=Fraction(8_00), expected=Fraction(800), redeemed=100
    )

    _, movement = book(CohortState(), month)

    assert movement == Movement(allocated=Fraction(8_00), released=Fraction(1_00))


def test_what_nobody_is_expected_to_redeem_waits_for_its_end():
    idle = replace(MILLION, expected=Fraction(0))

    over = roll_forward(idle, activity=Activity(expired=1_000_000))

    assert idle.rate == 0
    assert close(idle)[1] == Movement()
    assert over.movement == Movement(breakage=Fraction(8_000_00))


def test_the_redemption_rate_and_the_breakage_rate_are_those_of_r3():
    assert MILLION.redemption_rate == Fraction(80, 100)
    assert CohortState().redemption_rate is None
    assert year(MILLION, redeemed=200_000, expected=800_000).closing.breakage == 400_00


def ratios(least, most, *, den):
    """Exact figures; quicker to draw than `st.fractions`."""
    return st.builds(Fraction, st.integers(least, most), st.integers(1, den))


amounts = ratios(0, 10_000_000, den=10_000)
activities = st.builds(
    Activity,
    issued=st.integers(-50, 500),
    allocated=amounts,
    expected=ratios(0, 500, den=100),
    redeemed=st.integers(0, 300),
    expired=st.integers(0, 100),
    voided=st.integers(-50, 100),
)
openings = st.builds(
    CohortState,
    issued=st.integers(3_000, 9_000),
    redeemed=st.integers(0, 3_000),
    allocated=amounts,
    expected=ratios(0, 9_000, den=100),
).map(lambda state: close(state)[0])
sums = ratios(-100_000, 100_000, den=10_000)
movements = st.builds(
    Movement, allocated=sums, released=sums, true_up=sums, breakage=sums
)
estimates = st.none() | ratios(0, 9_000, den=100)


def lived(state, events, *, expected):
    """Book one by one, close, and post each step; return all that came of it."""
    steps, carried = [], Carried()
    for event in events:
        state, movement = book(state, event)
        steps.append(post(movement, carried=carried))
        carried = steps[-1].carried
    state, movement = close(state, expected=expected)
    steps.append(post(movement, carried=carried))
    return state, steps


@given(st.data(), openings, st.lists(activities, max_size=6), estimates)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_order_of_events_changes_no_figure_of_the_month(
    data, opening, events, expected
):
    shuffled = data.draw(st.permutations(events))
    together = sum(events, Activity())

    one, posted = lived(opening, events, expected=expected)
    other, posted_other = lived(opening, shuffled, expected=expected)
    forward = roll_forward(opening, activity=together, expected=expected)
    at_once = post(forward.movement, carried=Carried())

    assert one == other == forward.closing
    assert (
        sum(step.liability for step in posted)
        == sum(step.liability for step in posted_other)
        == at_once.liability
    )
    assert forward.closing.liability == (
        opening.liability + together.allocated - forward.movement.revenue
    )


@given(openings, st.lists(activities, max_size=8), estimates)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_was_deferred_is_what_was_released_once_a_cohort_is_over(
    opening, events, expected
):
    start = Activity(
        issued=opening.issued, allocated=opening.allocated, expected=opening.expected
    )
    early = Activity(redeemed=opening.redeemed)
    left = sum(events, start + early)
    end = Activity(
        expired=left.issued - left.redeemed - left.expired - left.voided,
    )

    state, posted = lived(CohortState(), [start, early, *events], expected=expected)
    over, rest = close(book(state, end)[0])
    last = post(rest, carried=posted[-1].carried)

    assert over.is_over
    assert over.released == over.allocated == left.allocated
    assert sum(step.liability for step in [*posted, last]) == 0
    assert sum(step.allocated for step in posted) == fen(left.allocated)


@given(st.lists(movements, max_size=8))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_rounding_leaves_half_a_fen_at_most_however_often(made):
    carried, allocated, revenue = Carried(), 0, 0
    for movement in made:
        posted = post(movement, carried=carried)
        carried = posted.carried
        allocated += posted.allocated
        revenue += posted.allocated - posted.liability

        assert abs(carried.allocated) <= HALF
        assert abs(carried.released) <= HALF

    everything = sum(made, Movement())
    assert allocated + carried.allocated == everything.allocated
    assert revenue + carried.released == everything.revenue
    assert (allocated, revenue) == (fen(everything.allocated), fen(everything.revenue))


@given(openings, estimates, st.integers(0, 3_000))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_liability_is_never_below_nothing_or_above_what_was_deferred(
    opening, expected, redeemed
):
    closing = roll_forward(
        opening, activity=Activity(redeemed=redeemed), expected=expected
    ).closing

    assert 0 <= closing.liability <= closing.allocated
