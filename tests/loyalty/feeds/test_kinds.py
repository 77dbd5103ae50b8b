"""What a value of each kind looks like, and what it becomes."""

import pytest

from loyalty.feeds.formats import LAYOUTS
from loyalty.feeds.kinds import (
    CODE,
    DAY,
    FEN,
    INSTANT,
    MONTH,
    MSISDN,
    NULL,
    REF,
    TEXT,
    WHOLE,
    Column,
    IllFormed,
)


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        (FEN, "128.00", "12800"),
        (FEN, "-0.05", "-5"),
        (FEN, "-0.00", "0"),
        (FEN, "0001.50", "150"),
        (FEN, "9999999999999.99", "999999999999999"),
        (WHOLE, "007", "7"),
        (WHOLE, "999999999999999", "999999999999999"),
        (DAY, "2008-02-29", "2008-02-29"),
        (MONTH, "2007-10", "2007-10-01"),
        (INSTANT, "2007-10-31T18:00:00+08:00", "2007-10-31T10:00:00+00:00"),
        (INSTANT, "2007-10-31T10:00Z", "2007-10-31T10:00:00+00:00"),
        (INSTANT, "2007-10-31T10:00:00.5Z", "2007-10-31T10:00:00.500000+00:00"),
        (REF, "!#$/\\~", "!#$/\\\\~"),
        (TEXT, "东山 \\N 营业厅", "东山 \\\\N 营业厅"),
        (MSISDN, "00000", "00000"),
        (CODE, "INS-A", "INS-A"),
    ],
)
def test_a_value_has_one_normal_form(kind, value, normal):
    assert list(kind.normal((value,))) == [normal]
    assert list(kind.normal((value,) * 3)) == [normal] * 3


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(
            (FEN, value)
            for value in ("1e9", "-0", "１２", "１２.00", "+5.00", "5", "5.0")
        ),
        *((FEN, value) for value in ("5.000", ".50", "5.", "1,000.00", "--1.00", "")),
        *((FEN, value) for value in ("10000000000000.00", " 5.00", "5.00\n", "NaN")),
        *((WHOLE, value) for value in ("-1", "+1", "1.0", "1e3", "٣", "", "9" * 16)),
        *((DAY, value) for value in ("2007-02-30", "2007-2-3", "2007-13-01", "")),
        *((DAY, value) for value in ("1989-12-31", "2101-01-01", "2007-00-10")),
        *((DAY, value) for value in ("20071031", "2007-10-31T00:00", "２００７-10-31")),
        *((DAY, value) for value in ("2007-10-00", "infinity", "2007-W44-3")),
        *((MONTH, value) for value in ("2007-13", "2007-00", "2007-1", "2007-10-01")),
        *((INSTANT, value) for value in ("2007-10-31T18:00:00", "2007-10-31", "now")),
        *((INSTANT, value) for value in ("2007-02-30T18:00Z", "2007-10-31T25:00Z")),
        *((INSTANT, value) for value in ("2007-10-31T18:60Z", "2007-10-31 18:00Z")),
        *(
            (INSTANT, value)
            for value in ("1989-10-31T18:00Z", "2007-10-31T18:00+99:99")
        ),
        *((REF, value) for value in ("a b", "a,b", "a'b", 'a"b', "é", "", "a" * 65)),
        *((REF, value) for value in ("a\nb", "a\tb", "\x7f")),
        *((TEXT, value) for value in ("a\nb", "\t", "\x00", "\u2028", "", "字" * 201)),
        *(
            (MSISDN, value)
            for value in ("1234", "1" * 16, "+8613300000001", "１３３００")
        ),
        *((CODE, value) for value in ("a/b", "a:b", "", "A" * 33)),
    ],
)
def test_an_ill_formed_value_is_known_alone_and_among_others(kind, value):
    fine = {FEN: "1.00", DAY: "2007-10-01", MONTH: "2007-10", CODE: "A", REF: "A"}
    other = fine.get(kind, "2007-10-31T10:00Z" if kind is INSTANT else "12345")

    with pytest.raises(IllFormed):
        kind.normal((value,))
    with pytest.raises(IllFormed):
        kind.normal((other, value, other))


def test_only_columns_that_may_be_empty_may_be_empty():
    may_be_empty = {
        (feed, column.name)
        for feed, layout in LAYOUTS.items()
        for column in layout.columns
        if column.wrong("") is None
    }

    assert may_be_empty == {
        *(("subscribers", name) for name in ("city", "county", "hall", "group_ref")),
        ("subscribers", "phone_contact"),
        ("subscribers", "email"),
        ("opening", "expires_on"),
        ("activities", "mcc"),
        ("activities", "original_ref"),
        ("subscription-events", "reason"),
        ("partner-statement", "our_ref"),
        ("partner-statement", "units"),
        ("partner-statement", "status"),
    }


def test_empty_values_stand_where_they_stood():
    column = Column("mcc", CODE, empty=NULL)

    assert list(column.normal(("", "5411", "", "5812"))) == [NULL, "5411", NULL, "5812"]
    assert list(column.normal(("", ""))) == [NULL, NULL]


@pytest.mark.parametrize(
    ("feed", "header"),
    [
        ("partners", "partner,kind,name"),
        (
            "subscribers",
            (
                "member_ref,name,id_hash,msisdn,network,brand,pay_type,activated_on,city,"
                "county,hall,group_ref,phone_contact,email"
            ),
        ),
        ("links", "partner,account_ref,member_ref,linked_on"),
        ("opening", "member_ref,unit,points,issuer,earned_in,expires_on"),
        ("bills", "bill_ref,msisdn,period,billed_on,due_on,amount"),
        ("payments", "payment_ref,bill_ref,paid_on,amount"),
        ("adjustments", "adjustment_ref,bill_ref,adjusted_on,amount"),
        (
            "activities",
            (
                "partner_ref,partner,account_ref,activity,occurred_on,amount,currency,mcc,"
                "original_ref"
            ),
        ),
        (
            "redemptions",
            "redemption_ref,member_ref,item_code,quantity,channel,occurred_at",
        ),
        ("subscription-events", "event_ref,msisdn,event,reason,occurred_at"),
    ],
)
def test_a_feed_has_its_columns_in_their_order(feed, header):
    assert ",".join(column.name for column in LAYOUTS[feed].columns) == header
