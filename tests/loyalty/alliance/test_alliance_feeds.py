import pytest

BANK = "CEB,bank,光大银行"


@pytest.fixture
def alliance(load_lines, line_of):
    """A bank, an airline and two members."""
    load_lines("partners", BANK, "MU,airline,东方航空")
    load_lines(
        "subscribers", line_of("M1", "13300000001"), line_of("M2", "13300000002")
    )


def test_a_partner_joins_once(load_lines, rows):
    assert load_lines("partners", BANK, BANK).counts == (1, 1, 0)
    assert load_lines("partners", BANK).counts == (0, 1, 0)
    assert rows("SELECT partner, kind, name FROM partner") == [
        ("CEB", "bank", "光大银行")
    ]


@pytest.mark.parametrize("other", ["CEB,airline,光大银行", "CEB,bank,光大"])
def test_a_partner_code_with_other_content_is_rejected(load_lines, rows, other):
    loaded = load_lines("partners", BANK, other)

    assert loaded.reasons == {3: "reference_reused"}
    assert rows("SELECT kind, name FROM partner") == [("bank", "光大银行")]


def test_a_partner_is_of_a_known_kind(load_lines):
    loaded = load_lines("partners", "X,cinema,电影院")

    assert loaded.counts == (0, 0, 1)
    assert loaded.reasons[2].startswith("kind: none of bank airline")


@pytest.mark.usefixtures("alliance")
def test_an_account_is_linked_once(load_lines, rows):
    line = "CEB,6226-1,M1,2007-09-01"

    assert load_lines("links", line, line).counts == (1, 1, 0)
    assert load_lines("links", line).counts == (0, 1, 0)
    assert rows(
        "SELECT member_ref, partner, account_ref, linked_on::text FROM link"
        " JOIN member USING (member_id)"
    ) == [("M1", "CEB", "6226-1", "2007-09-01")]


@pytest.mark.usefixtures("alliance")
def test_an_account_belongs_to_the_member_who_claimed_it_first(load_lines, rows):
    loaded = load_lines("links", "CEB,6226-1,M1,2007-09-01", "CEB,6226-1,M2,2007-09-01")
    later = load_lines("links", "CEB,6226-1,M2,2007-09-02", "MU,6226-1,M2,2007-09-02")

    assert loaded.reasons == {3: "account_in_use"}
    assert later.counts == (1, 0, 1)
    assert later.reasons == {2: "account_in_use"}
    assert rows("SELECT count(*) FROM link") == [(2,)]


@pytest.mark.usefixtures("alliance")
def test_a_link_with_another_day_is_rejected(load_lines):
    load_lines("links", "CEB,6226-1,M1,2007-09-01")

    loaded = load_lines("links", "CEB,6226-1,M1,2007-09-02")

    assert loaded.reasons == {2: "reference_reused"}


@pytest.mark.usefixtures("alliance")
def test_a_link_names_a_known_partner_and_a_known_member(load_lines, rows):
    loaded = load_lines("links", "XX,1,M1,2007-09-01", "CEB,2,M9,2007-09-01")

    assert loaded.reasons == {2: "unknown_partner", 3: "unknown_member"}
    assert rows("SELECT count(*) FROM claim WHERE space = 'account'") == [(0,)]
