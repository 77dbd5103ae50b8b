"""Points are changed at a counter, agreed to in the inbox, and seen in the register."""

import hashlib
import io
import json
import re

import pytest

from loyalty.adjustments.governance import load_reasons
from loyalty.clock import now
from loyalty.rules.operations import starting_terms

LETTER = "客户来信：积分少了".encode()
ASK = {"reason": "goodwill", "points": "300", "unit": "CUP", "words": "排队太久"}


@pytest.fixture(autouse=True)
def _reasons(in_shop):
    in_shop(lambda shop: load_reasons(shop.session, terms=starting_terms(), at=now()))


@pytest.fixture
def ask(counter, customer):
    """Serve a customer and send the form; returns the counter, its page, the answer."""

    def send(clerk=None, **other):
        at = clerk or counter()
        served = at.serve()
        path = f"{served}/adjust"
        assert f'href="{path}"' in at.client.get(served).text
        page = at.client.get(path).text
        ref = re.search(r'name="adjustment_ref" value="(\w+)"', page)
        assert ref
        form = at.form(page, adjustment_ref=ref[1], **(ASK | other))

        def again():
            evidence = (io.BytesIO(LETTER), "letter.txt")
            return at.client.post(path, data=form | {"evidence": evidence})

        return at, path, again

    customer()
    return send


@pytest.fixture
def office(browser, employ):
    """Those who decide, and who reads it all, each at a screen of their own."""
    return {
        role: browser(staff_id=employ(f"of.{role}", role))
        for role in (
            *("product", "supervisor", "finance_maker", "finance_checker"),
            "auditor",
        )
    }


@pytest.fixture
def look(browser, words_of):
    """Tell what a page says, to somebody or to the member of an id."""

    def read(reader, path):
        client = browser(member_id=reader) if isinstance(reader, int) else reader
        return words_of(client.get(path))

    return read


def approvals_of(rows):
    return [
        (action, f"/console/approvals/{approval_id}")
        for action, approval_id in rows(
            "SELECT action, approval_id FROM approval ORDER BY approval_id"
        )
    ]


def test_a_clerk_asks_a_supervisor_agrees_the_member_reads_why(
    ask, office, send, rows, look
):
    at, path, sent = ask()

    assert sent().status_code == 303
    assert sent().status_code == 303  # two clicks
    assert "待主管审批" in at.client.get(path).text
    ((action, page),) = approvals_of(rows)
    assert action == "adjustment.ask"
    shown = look(office["supervisor"], page)
    assert "1,000 积分" in shown
    assert "1,300 积分" in shown
    assert hashlib.sha256(LETTER).hexdigest() in shown
    assert (
        send(at.client, "/console/counter", to=page, act="approve").status_code == 403
    )
    assert send(office["supervisor"], page, act="approve").status_code == 303

    assert "已入账" in at.client.get(path).text
    told = look(office["auditor"], "/console/adjustments")
    assert "员工 li.na 员工 of.supervisor" in told
    assert "¥3.00 100.0%" in told
    ((member_id, ref),) = rows("SELECT member_id, adjustment_ref FROM adjustment")
    place = f"/console/adjustments/{member_id}/{ref}"
    assert office["auditor"].get(f"{place}/evidence").data == LETTER
    assert "客服赠送的积分" in look(member_id, "/statement")
    assert office["auditor"].get("/console/adjustments.xlsx").status_code == 200


def test_many_points_take_finance_as_well(ask, office, send, rows):
    _, _, sent = ask(points="10,001", reason="correction_up")
    assert sent().status_code == 303
    ((_, first),) = approvals_of(rows)
    assert send(office["supervisor"], first, act="approve").status_code == 303
    assert rows("SELECT count(*) FROM adjustment_posting") == [(0,)]

    _, (action, second) = approvals_of(rows)

    assert action == "adjustment.release"
    assert send(office["supervisor"], second, act="approve").status_code == 403
    assert send(office["finance_checker"], second, act="approve").status_code == 303
    assert rows("SELECT points FROM adjustment_posting") == [(10_001,)]


def test_what_was_typed_is_kept_and_what_is_wrong_is_named(ask, words_of):
    _, _, sent = ask(points="many", words="排队太久了")

    answer = sent()

    assert answer.status_code == 422
    assert "排队太久了" in answer.text
    assert "请改一下这一项" in words_of(answer)


def test_an_own_account_is_refused_at_the_counter(ask, counter, rows, words_of):
    _, _, sent = ask(counter("wu"))
    rows(
        "UPDATE staff SET member_id = (SELECT member_id FROM member LIMIT 1)"
        " WHERE login = 'wu' RETURNING 1"
    )

    answer = sent()

    assert answer.status_code == 409
    assert "自己的积分由别的同事经办和审批" in words_of(answer)


def test_a_change_is_undone_by_two_people(ask, office, send, rows, points_of):
    _, _, sent = ask()
    sent()
    ((_, page),) = approvals_of(rows)
    send(office["supervisor"], page, act="approve")
    ((member_id, ref),) = rows("SELECT member_id, adjustment_ref FROM adjustment")
    assert points_of(member_id) == 1_300

    place = f"/console/adjustments/{member_id}/{ref}"
    supervisor = office["supervisor"]
    assert send(supervisor, place, to=f"{place}/undo", words="").status_code == 422
    answer = send(supervisor, place, to=f"{place}/undo", words="记错了人")

    assert answer.status_code == 303
    assert send(supervisor, answer.location, act="approve").status_code == 403


def test_limits_are_changed_by_two_of_finance(office, send, rows, words_of):
    path = "/console/adjustments/limits"
    figures = {
        "agent_points_per_day": "1,000",
        "member_points_per_day": "1,000",
        "third_above": "500",
        "budget_points_per_month": "9,000",
    }
    wrong = figures | {"third_above": "0", "starts_on": "2999-01-01", "reason": "省"}
    assert send(office["finance_maker"], path, **wrong).status_code == 422

    asked = send(office["finance_maker"], path, **(wrong | {"third_above": "500"}))

    assert asked.status_code == 303
    assert send(office["finance_checker"], asked.location, act="approve").location
    assert rows("SELECT third_above FROM adjustment_limits ORDER BY version") == [
        (10_000,),
        (500,),
    ]
    assert "2999" in words_of(office["auditor"].get(path))


def test_marketing_brings_a_file_and_finance_gives_it(
    customer, office, csrf, rows, look
):
    member_id, maker = customer(), office["product"]
    body = b"grant_ref,member_ref,points\nG1,M13300000001,200\nG2,NOBODY,50\n"
    manifest = {
        "feed": "grants",
        "sequence": 1,
        "records": 2,
        "total": 250,
        "sha256": hashlib.sha256(body).hexdigest(),
    }

    def bring(**said):
        return maker.post(
            "/console/grants",
            data={
                "csrf_token": csrf(maker.get("/console/grants").text),
                "reason": "campaign",
                "words": "十月活动",
                "file": (io.BytesIO(body), "october.csv"),
                "manifest": (
                    io.BytesIO(json.dumps(manifest | said).encode()),
                    "october.csv.manifest.json",
                ),
            },
        )

    assert bring(total=251).status_code == 422
    answer = bring()
    assert answer.status_code == 303
    assert "没有这位会员" in look(maker, answer.location)
    ((_, page),) = approvals_of(rows)
    finance = office["finance_checker"]
    token = csrf(finance.get(page).text)
    assert (
        finance.post(page, data={"csrf_token": token, "act": "approve"}).status_code
        == 303
    )

    assert rows("SELECT member_id, points FROM adjustment_posting") == [
        (member_id, 200)
    ]
    assert finance.get(f"{answer.location}.xlsx").status_code == 200
    assert "已赠送" in look(finance, "/console/grants")
