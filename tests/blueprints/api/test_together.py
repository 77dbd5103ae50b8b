"""Many machines at once, sending everything twice and in any order."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import perf_counter

from sqlalchemy import text

from tests.blueprints.api.conftest import accrual, yuan

ACCRUALS = 10_000
MEMBERS = 200
CLIENTS = 8
LINES = 250


def test_ten_thousand_accruals_sent_twice_are_posted_once(
    enroll, fresh_database, proved, rows, record_property
):
    _bring_members(fresh_database)
    chance = random.Random(7)  # noqa: S311 - an order, no secret
    lines = [
        accrual(f"T{number}", account_ref=f"A{number % MEMBERS}", fen=123_456)
        for number in range(ACCRUALS)
    ] * 2
    chance.shuffle(lines)
    batches = [lines[at : at + LINES] for at in range(0, len(lines), LINES)]
    machines = [enroll("CEB") for _ in range(CLIENTS)]

    def send(number):
        return [
            line["status"]
            for batch in range(number, len(batches), CLIENTS)
            for line in _sent(machines[number], f"B{batch}", batches[batch])
        ]

    began = perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = [one for told in pool.map(send, range(CLIENTS)) for one in told]
    record_property("seconds", round(perf_counter() - began, 2))

    assert statuses.count("posted") == ACCRUALS
    assert statuses.count("already_booked") == ACCRUALS
    assert rows("SELECT count(*), sum(points) FROM activity") == [
        (ACCRUALS, ACCRUALS * 123)
    ]
    assert rows("SELECT sum(available) FROM ledger.balance") == [(ACCRUALS * 123,)]
    assert proved() == []


def test_one_key_at_the_same_moment_does_its_work_once(bank, proved, rows):
    at_once = Barrier(8)

    def call(_):
        at_once.wait()
        return bank.post("/accruals", accrual(), key="same")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert replayed.count("true") == 7
    assert rows("SELECT count(*) FROM activity") == [(1,)]
    assert proved() == []


def test_one_reference_under_many_keys_does_its_work_once(bank, proved, rows):
    at_once = Barrier(8)

    def call(number):
        at_once.wait()
        return bank.post("/accruals", accrual(fen=100_000 * (1 + number % 2)))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))

    told = sorted(answer.status_code for answer in answers)
    assert told == [201] * 4 + [409] * 4
    assert rows("SELECT count(*) FROM activity") == [(1,)]
    assert proved() == []


def test_reversals_at_the_same_moment_never_take_too_much(bank, proved, rows):
    bank.post("/accruals", accrual("T1"))
    at_once = Barrier(6)

    def call(number):
        at_once.wait()
        body = {"partner_ref": f"R{number}", "original_ref": "T1"}
        return bank.post("/reversals", body | {"amount": yuan(40_000)})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, range(6)))

    told = sorted(answer.status_code for answer in answers)
    assert told == [201] * 2 + [422] * 4
    assert rows("SELECT available FROM ledger.balance WHERE unit = 'UNI'") == [(20,)]
    assert proved() == []


def _sent(machine, batch_ref, lines):
    answer = machine.post(
        "/accrual-batches",
        {
            "batch_ref": batch_ref,
            "line_count": len(lines),
            "amount_total": yuan(123_456 * len(lines)),
            "lines": lines,
        },
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()["lines"]
    assert [line["partner_ref"] for line in told] == [
        line["partner_ref"] for line in lines
    ]
    return told


def _bring_members(database):
    with database.unit_of_work() as session:
        session.execute(
            text(
                f"""
                INSERT INTO member (member_ref, joined_on)
                SELECT 'N' || n, '2005-03-01' FROM generate_series(0, {MEMBERS - 1}) n;
                INSERT INTO claim (space, key, member_id, content)
                SELECT 'account', 'CEB/A' || substr(member_ref, 2), member_id,
                       gen_random_uuid() FROM member;
                SELECT ledger.open_books(ARRAY(SELECT member_id FROM member),
                                         '2005-03-01')
                """
            )
        )
