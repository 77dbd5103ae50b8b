"""Programme, members, accounts and balances by TM Forum's names."""

from datetime import date, datetime, timedelta

from tests.blueprints.tmf.conftest import WANG, earn


def error_of(answer):
    told = answer.json()
    assert set(told) == {
        "@type",
        "code",
        "reason",
        "message",
        "status",
        "referenceError",
    }
    assert told["status"] == answer.status_code
    return told["status"], told["code"]


def test_the_programme_tells_its_terms(machine):
    (listed,) = machine.get("/loyaltyProgram").json()
    shown = machine.get(listed["href"]).json()

    assert shown == listed
    assert shown["@type"] == "LoyaltyProgram"
    assert {"name": "expiryMonths", "value": 36} in shown["characteristic"]
    unknown = machine.get("/loyaltyProgram/other")
    assert error_of(unknown) == (404, "unknown_programme")


def test_only_who_said_yes_is_listed_a_part_at_a_time(machine, join, link, agree):
    for number in ("2", "3", "4"):
        other = join(f"1330000000{number}")
        link(other, f"440{number}x")
        if number != "4":
            agree(other, "balance.read", account_ref=f"440{number}x")

    for resource in ("/loyaltyProgramMember", "/loyaltyAccount"):
        first = machine.get(resource, limit=2)
        rest = machine.get(resource, limit=2, offset=2)
        beyond = machine.get(resource, offset=9)

        assert [one["id"] for one in first.json() + rest.json()] == [
            WANG,
            "M13300000002",
            "M13300000003",
        ]
        counts = [
            (answer.headers["X-Total-Count"], answer.headers["X-Result-Count"])
            for answer in (first, rest, beyond)
        ]
        assert counts == [("3", "2"), ("3", "1"), ("3", "0")]
        for one in first.json():
            assert machine.get(one["href"]).json()["id"] == one["id"]


def test_balances_tell_unit_issuer_and_last_day(machine, proved, rows):
    machine.post("/loyaltyEarn", earn())
    ((expires_on,),) = rows("SELECT expires_on FROM ledger.lot")
    account = machine.get(f"/loyaltyAccount/{WANG}").json()
    listed = machine.get("/loyaltyBalance", **{"loyaltyProgramMember.id": WANG})
    (balance,) = listed.json()

    assert account["quantity"] == {"unit": "points", "value": 100}
    assert account["loyaltyBalance"] == [balance]
    assert account["balance"] == [
        {"units": "CUP", "amount": 0},
        {"units": "UNI", "amount": 100},
    ]
    assert (balance["issuer"], balance["quantity"]["value"]) == ("CEB", 100)
    end = datetime.fromisoformat(balance["validFor"]["endDateTime"])
    assert (end.date(), end.utcoffset()) == (expires_on, timedelta(hours=8))
    assert end.date() > date(2000, 1, 1)
    assert listed.headers["X-Total-Count"] == "1"
    assert machine.get(balance["href"]).json() == balance
    gone = machine.get(f"/loyaltyBalance/{WANG}~UNI~CEB~never")
    assert error_of(gone) == (404, "unknown_balance")
    assert proved() == []


def test_fields_choose_what_is_told_beside_the_name(machine):
    path = f"/loyaltyAccount/{WANG}"
    chosen = machine.get(path, fields="quantity, unknown").json()
    bare = machine.get(path, fields="none").json()
    (listed,) = machine.get("/loyaltyProgramMember", fields="none").json()

    assert set(chosen) == {"id", "href", "@type", "quantity"}
    assert set(bare) == set(listed) == {"id", "href", "@type"}


def test_nobody_learns_whether_a_stranger_is_a_member(machine, join, link):
    # One is no customer of the bank; the other is, but said nothing of her points.
    join("13300000002")
    link(join("13300000003"), "4403")
    told = []
    for name in ("M13300000002", "M13300000003", "M1", "%00", "~~~"):
        answers = [
            machine.get(f"/{resource}/{name}")
            for resource in ("loyaltyProgramMember", "loyaltyAccount", "loyaltyBalance")
        ]
        told += [answer.json() for answer in answers]
        assert {error_of(answer) for answer in answers} == {(404, "not_linked")}, name

    assert all(one == told[0] for one in told)


def test_another_partner_sees_nobody(machine, enroll, speak):
    machine.post("/loyaltyEarn", earn())
    airline = speak(enroll("MU"))

    assert airline.get("/loyaltyProgramMember").json() == []
    assert error_of(airline.get(f"/loyaltyAccount/{WANG}")) == (404, "not_linked")


def test_a_malformed_question_says_where(machine):
    wrong = machine.get("/loyaltyProgramMember", limit=0)
    missing = machine.get("/loyaltyBalance")
    unknown = machine.get(f"/loyaltyAccount/{WANG}", colour="red")

    for answer, where in (
        (wrong, "/limit"),
        (missing, "/loyaltyProgramMember.id"),
        (unknown, "/colour"),
    ):
        assert error_of(answer) == (400, "malformed")
        assert answer.json()["message"].startswith(where)
    assert error_of(machine.get("/nothing")) == (404, "not_found")
    assert error_of(machine.delete("/loyaltyProgram")) == (405, "method_not_allowed")
