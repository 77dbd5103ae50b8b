"""What partners see of members: of those who are linked, and of nobody else."""

from tests.blueprints.api.conftest import accrual

WANG = "/members/M13300000001"


def test_balances_tell_what_the_points_are_made_of(bank, proved):
    bank.post("/accruals", accrual("T1"))
    told = bank.get(f"{WANG}/balances").json()

    assert told["spendable"] == 100
    assert [unit["unit"] for unit in told["units"]] == ["CUP", "UNI"]
    assert told["components"] == [told["expiring_next"]]
    assert told["expiring_next"]["issuer"] == "CEB"
    assert proved() == []


def test_nobody_learns_whether_a_stranger_is_a_member(bank, join, link):
    # Linked, but without a word about her points.
    link(join("13300000002"), "4403")
    stranger = bank.get("/members/M13300000002/balances")
    nobody = bank.get("/members/M1/balances")

    assert stranger.status_code == nobody.status_code == 404
    differing = {"instance", "request_id"}
    assert {k: v for k, v in stranger.json().items() if k not in differing} == {
        k: v for k, v in nobody.json().items() if k not in differing
    }


def test_pages_stay_where_they_were_while_points_come(bank, proved):
    for number in range(5):
        bank.post("/accruals", accrual(f"T{number}", fen=(number + 1) * 100_000))
    first = bank.get(f"{WANG}/entries", limit=2).json()
    bank.post("/accruals", accrual("late"))
    points, cursor = [row["points"] for row in first["data"]], first["next_cursor"]
    while cursor:
        page = bank.get(f"{WANG}/entries", limit=2, cursor=cursor).json()
        points += [row["points"] for row in page["data"]]
        cursor = page["next_cursor"]

    assert points == [500, 400, 300, 200, 100]
    assert proved() == []


def test_a_cursor_opens_the_list_it_was_made_for(bank, join, link, agree):
    other = join("13300000002")
    link(other, "4403")
    agree(other, "balance.read", account_ref="4403")
    for number in range(2):
        bank.post("/accruals", accrual(f"T{number}"))
    cursor = bank.get(f"{WANG}/entries", limit=1).json()["next_cursor"]

    for path, told in (
        ("/members/M13300000002/entries", cursor),
        (f"{WANG}/entries", cursor[:-2]),
        (f"{WANG}/entries", "é"),
    ):
        answer = bank.get(path, cursor=told)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
    assert bank.get(f"{WANG}/entries", limit=0).status_code == 400
    assert bank.get(f"{WANG}/entries", limit=201).status_code == 400
