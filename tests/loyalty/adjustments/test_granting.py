"""Points for many members, from a file that finance agrees to."""

import pytest

from loyalty.adjustments import granting
from loyalty.adjustments.errors import BudgetUsedUp, GrantFileWrong
from loyalty.adjustments.granting import Line, Said, answers, apply_grants, ask_grants
from loyalty.approvals.operations import approve
from tests.loyalty.orders.shop import NOON


@pytest.fixture
def bring(desk):
    """Bring a file of points; the manifest tells the truth unless told."""

    def ask(*lines, content="f" * 64, **said):
        numbered = [Line(2 + nth, *line) for nth, line in enumerate(lines)]
        truth = {
            "records": len(lines),
            "total": sum(line.points or 0 for line in numbered),
            "sha256": content,
        }
        return ask_grants(
            desk.session,
            name="october.csv",
            said=Said(**(truth | said)),
            sha256=content,
            lines=numbered,
            reason="campaign",
            words="十月活动",
            maker=desk.agent,
            at=NOON,
        )

    return ask


def codes(desk, approval):
    file = granting.file_of(desk.session, file_id=int(approval.subject))
    found = answers(desk.session, file=file, at=NOON)
    return [one.code for one in found]


def test_each_line_has_its_answer_and_bad_ones_sink_no_good_ones(desk, bring):
    members = [desk.shop.member() for _ in range(9)]
    desk.rows(
        "UPDATE staff SET member_id = :member WHERE login = 'money' RETURNING 1",
        member=members[2],
    )
    desk.rows(
        "UPDATE member SET left_on = '2007-10-01'"
        " WHERE member_id = :member RETURNING 1",
        member=members[3],
    )
    desk.session.expire_all()
    for _ in range(2):
        desk.approve(desk.ask(members[5], 10_000))
    asked = bring(
        ("G1", "M1", 300),
        ("G2", "M2", 200),
        ("G3", "M3", 10),
        ("G4", "M4", 10),
        ("G5", "NOBODY", 10),
        ("G6", "M1X", None),
        ("G7", "M5", 10_001),
        ("G8", "M6", 1),
        ("G9", "M7", 1),
        ("G9", "M8", 1),
        ("G10", "M9", 0),
    )

    expected = [
        *(None, None, None, "has_left", "unknown_member", "bad_points"),
        *("needs_third_person", "member_cap_reached", "reference_twice"),
        *("reference_twice", "points_out_of_range"),
    ]
    assert codes(desk, asked) == expected
    desk.approve(asked, by=desk.money)

    expected[2] = "own_points"
    assert codes(desk, asked) == expected
    assert [desk.has(member)[0] for member in members] == [
        *(300, 200, 0, 0, 0, 20_000),
        *(0, 0, 0),
    ]
    told = {one.adjustment_ref: one.points for one in desk.register().rows}
    assert told == {"ref0": 10_000, "ref1": 10_000, "grant:G1": 300, "grant:G2": 200}
    assert desk.register().in_files == 2
    assert desk.month() == {"issued": 20_500, "closing": 20_500}


def test_a_line_that_comes_again_gives_nothing_more(desk, bring):
    members = [desk.shop.member() for _ in range(2)]
    desk.approve(bring(("G1", "M1", 300)), by=desk.money)

    again = bring(("G1", "M1", 300), ("G2", "M2", 5), content="e" * 64)
    changed = bring(("G1", "M2", 300), content="d" * 64)
    desk.approve(again, by=desk.money)
    desk.approve(changed, by=desk.money)

    assert codes(desk, again) == ["already_granted", None]
    assert codes(desk, changed) == ["reference_reused"]
    assert [desk.has(member)[0] for member in members] == [300, 5]


@pytest.mark.parametrize("key", ["records", "total", "sha256"])
def test_a_file_that_is_not_what_its_manifest_says_is_refused(desk, bring, key):
    desk.shop.member()

    with pytest.raises(GrantFileWrong) as told:
        bring(("G1", "M1", 300), **{key: "0" if key == "sha256" else 7})

    assert told.value.facts == {"key": key}


def test_a_file_above_the_budget_gives_nothing_at_all(desk, bring):
    members = [desk.shop.member() for _ in range(501)]
    asked = bring(*((f"G{n}", f"M{n}", 10_000) for n in range(1, 502)))
    done = approve(
        desk.session,
        approval_id=asked.approval_id,
        checker=desk.money,
        note=None,
        at=NOON,
    )

    with pytest.raises(BudgetUsedUp), desk.session.begin_nested():
        apply_grants(desk.session, approval=done, at=NOON)

    assert desk.has(members[0]) == (0, 0)
