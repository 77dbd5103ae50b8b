"""Figures of a year that finance brings, with their source."""

import pytest
from sqlalchemy import text


@pytest.fixture
def lin(browser, employ):
    """Somebody of finance."""
    return browser(staff_id=employ("lin", "finance_maker"))


def bring(send, client, **told):
    facts = {
        "year": "2007",
        "name": "satisfaction_members",
        "value": "79.38",
        "source": "2007 年满意度调查",
    } | told
    return send(client, "/console/yearly-figures", **facts)


def test_a_figure_is_kept_with_who_brought_it_and_from_where(lin, send, fresh_database):
    assert bring(send, lin, value="78.04").status_code == 303
    assert bring(send, lin).status_code == 303

    page = lin.get("/console/yearly-figures?lang=en").text
    assert "79.38" in page
    assert "78.04" in page
    assert page.count("In force") == 1
    with fresh_database.unit_of_work() as session:
        noted = session.scalars(
            text("SELECT object FROM audit WHERE action LIKE 'reports.%'")
        ).all()
    assert noted == ["yearly_figure:2007:satisfaction_members"] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "100.01"},
        {"value": "79.385"},
        {"value": "Infinity"},
        {"year": "07年"},
        {"name": "happiness"},
        {"source": ""},
    ],
)
def test_what_makes_no_sense_is_sent_back_with_what_was_typed(lin, send, wrong):
    answer = bring(send, lin, **wrong)

    assert answer.status_code == 422
    assert 'value="2007"' in answer.text or "year" in wrong
