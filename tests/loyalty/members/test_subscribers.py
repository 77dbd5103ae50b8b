import threading

import pytest

from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load

NUMBER = "13300000001"
OTHER_NUMBER = "13300000002"


def test_a_line_makes_member_person_book_and_live_number(load_lines, line_of, rows):
    loaded = load_lines("subscribers", line_of("M1", NUMBER, name="王芳"))

    assert loaded.counts == (1, 0, 0)
    assert rows(
        """
        SELECT m.member_ref, m.joined_on::text, p.name, u.state, b.gate,
               b.opened_on::text,
               (SELECT array_agg(space || ' ' || key ORDER BY space) FROM claim c
                 WHERE c.member_id = m.member_id)
          FROM member m JOIN person p USING (member_id)
          JOIN subscription u USING (member_id) JOIN ledger.book b USING (member_id)
        """
    ) == [
        (
            "M1",
            "2005-03-01",
            "王芳",
            "active",
            "open",
            "2005-03-01",
            ["member M1", f"msisdn {NUMBER}"],
        )
    ]


def test_lines_with_one_member_ref_are_one_person_as_first_told(
    load_lines, line_of, rows
):
    loaded = load_lines(
        "subscribers",
        line_of("M1", NUMBER, name="王芳"),
        line_of("M1", OTHER_NUMBER, name="王小芳"),
    )

    assert loaded.counts == (2, 0, 0)
    assert rows("SELECT name FROM person") == [("王芳",)]
    assert rows("SELECT count(*) FROM subscription") == [(2,)]


@pytest.mark.parametrize("files", [1, 2])
def test_one_member_ref_cannot_be_two_people(load_lines, line_of, rows, files):
    lines = (
        line_of("M1", NUMBER, id_hash="aa"),
        line_of("M1", OTHER_NUMBER, id_hash="bb"),
    )
    if files == 1:
        loaded = load_lines("subscribers", *lines)
        assert loaded.reasons == {3: "id_hash_differs"}
    else:
        load_lines("subscribers", lines[0])
        loaded = load_lines("subscribers", lines[1])
        assert loaded.reasons == {2: "id_hash_differs"}

    assert rows("SELECT msisdn FROM subscription") == [(NUMBER,)]


def test_a_number_lives_with_one_member(load_lines, line_of, rows):
    loaded = load_lines("subscribers", line_of("M1", NUMBER), line_of("M2", NUMBER))

    assert loaded.counts == (1, 0, 1)
    assert loaded.reasons == {3: "msisdn_in_use"}
    assert rows("SELECT member_ref FROM member") == [("M1",)]


def test_a_rejected_line_makes_no_person(load_lines, line_of, rows):
    load_lines("subscribers", line_of("M1", NUMBER))

    loaded = load_lines(
        "subscribers",
        line_of("M2", NUMBER, id_hash="aa", name="甲"),
        line_of("M2", OTHER_NUMBER, id_hash="bb", name="乙"),
    )

    assert loaded.reasons == {2: "msisdn_in_use"}
    assert rows("SELECT name FROM person WHERE id_hash = 'bb'") == [("乙",)]


def test_each_line_is_decided_as_if_it_stood_alone_after_the_ones_before(
    load_lines, line_of, rows
):
    loaded = load_lines(
        "subscribers",
        line_of("A", "13300000001"),
        line_of("B", "13300000001"),  # taken by A
        line_of("B", "13300000002"),
        line_of("C", "13300000002"),  # taken by B, who came in by the line above
        line_of("C", "13300000003", id_hash="c"),
        line_of("C", "13300000004", id_hash="d"),
        line_of("A", "13300000003"),  # taken by C
        line_of("A", "13300000001"),  # the very first line again
    )

    assert loaded.counts == (3, 1, 4)
    assert loaded.reasons == {
        3: "msisdn_in_use",
        5: "msisdn_in_use",
        7: "id_hash_differs",
        8: "msisdn_in_use",
    }
    assert rows(
        "SELECT member_ref, msisdn FROM subscription JOIN member USING (member_id)"
        " ORDER BY 1"
    ) == [("A", "13300000001"), ("B", "13300000002"), ("C", "13300000003")]


def test_the_same_line_again_is_already_booked(load_lines, line_of):
    line = line_of("M1", NUMBER)

    assert load_lines("subscribers", line, line).counts == (1, 1, 0)
    assert load_lines("subscribers", line).counts == (0, 1, 0)


def test_the_same_line_again_after_its_end_is_already_booked(
    load_lines, line_of, change, rows
):
    line = line_of("M1", NUMBER)
    load_lines("subscribers", line)
    change("UPDATE subscription SET state = 'closed', ended_on = '2007-10-01'")
    change("DELETE FROM claim WHERE space = 'msisdn'")

    assert load_lines("subscribers", line).counts == (0, 1, 0)
    assert rows("SELECT count(*) FROM claim WHERE space = 'msisdn'") == [(0,)]


@pytest.mark.parametrize(
    "other", [{"brand": "worldwind"}, {"activated_on": "2006-01-01"}]
)
def test_a_live_number_with_other_content_is_rejected(load_lines, line_of, rows, other):
    load_lines("subscribers", line_of("M1", NUMBER))

    loaded = load_lines("subscribers", line_of("M1", NUMBER, **other))

    assert loaded.reasons == {2: "reference_reused"}
    assert rows("SELECT brand, activated_on::text FROM subscription") == [
        ("up", "2005-03-01")
    ]


def test_a_transferred_number_moves_to_its_new_member(
    load_lines, line_of, change, rows
):
    load_lines("subscribers", line_of("M1", NUMBER))
    change("UPDATE subscription SET state = 'transferred'")

    loaded = load_lines(
        "subscribers",
        line_of("M2", NUMBER, activated_on="2007-10-05"),
        line_of("M3", NUMBER, activated_on="2007-10-06"),
    )

    assert loaded.counts == (1, 0, 1)
    assert loaded.reasons == {3: "msisdn_in_use"}
    assert rows(
        """
        SELECT member_ref, u.state, ended_on::text,
               EXISTS (SELECT FROM claim c
                        WHERE space = 'msisdn' AND c.member_id = m.member_id)
          FROM subscription u JOIN member m USING (member_id) ORDER BY 1
        """
    ) == [
        ("M1", "transferred", "2007-10-05", False),
        ("M2", "active", None, True),
    ]


def test_who_left_and_gets_a_new_line_is_a_customer_again(
    load_lines, line_of, change, rows
):
    load_lines("subscribers", line_of("M1", NUMBER))
    change("UPDATE subscription SET state = 'closed', ended_on = '2007-06-01'")
    change("UPDATE member SET left_on = '2007-06-01'")
    change("SELECT ledger.set_gate(array_agg(member_id), 'closed') FROM member")
    change("DELETE FROM claim WHERE space = 'msisdn'")

    loaded = load_lines("subscribers", line_of("M1", NUMBER, activated_on="2007-10-01"))

    assert loaded.counts == (1, 0, 0)
    assert rows(
        "SELECT left_on, gate FROM member JOIN ledger.book USING (member_id)"
    ) == [(None, "open")]
    assert rows("SELECT count(*) FROM ledger.transfer") == [(0,)]


def test_files_of_two_senders_at_once_share_out_the_numbers(
    fresh_database, deliver, line_of, rows
):
    answers = []
    paths = [
        deliver(
            "subscribers",
            *(
                line_of(f"M{number % 300}", f"1330{number:07d}", id_hash=id_hash)
                for number in range(3000)
            ),
            sender=sender,
            sequence=1,
        )
        for sender, id_hash in (("north", "aa"), ("south", "bb"))
    ]

    def run(path):
        answers.append(load(fresh_database, FEEDS["subscribers"], path))

    threads = [threading.Thread(target=run, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert sorted(answer.booked for answer in answers) == [0, 3000]
    assert rows("SELECT count(*) FROM member") == [(300,)]
    assert rows("SELECT count(DISTINCT id_hash) FROM person") == [(1,)]
