from loyalty.demo.summary import Played, rejects_summary, summary

NOTHING = {"telecom": 0, "product": 0, "service": 0, "merchant": 0}


def month(period, *, opening, issued, redeemed, closing, payable):
    figures = dict.fromkeys(
        (
            "clawed_back",
            "exchanged_in",
            "exchanged_out",
            "expired",
            "voided",
            "forfeited",
            "reinstated",
            "adjusted",
            "pending",
        ),
        0,
    )
    unit = figures | {
        "opening": opening,
        "issued": issued,
        "redeemed": NOTHING | {"telecom": redeemed},
        "closing": closing,
    }
    available = opening + issued
    cost = {
        "available": available,
        "redeemed": redeemed,
        "utilisation_percent": 0.0,
        "idle": available - redeemed,
    }
    report = {
        "period": period,
        "units": {"CUP": unit},
        "payable": payable,
        "cost": cost,
    }
    return Played(report, available=closing, pending=0, owed=0)


TWO_MONTHS = [
    month(
        "2007-10",
        opening=6_000_000,
        issued=200_000,
        redeemed=1_000_000,
        closing=5_200_000,
        payable={"PINGAN": 8_000},
    ),
    month(
        "2007-11",
        opening=5_200_000,
        issued=167_000,
        redeemed=824_000,
        closing=4_543_000,
        payable={"PINGAN": 2_000, "TTCLUB": 3_050},
    ),
]


def cells(label):
    (line,) = [
        line
        for line in summary(TWO_MONTHS).splitlines()
        if line.strip().startswith(label)
    ]
    return line.replace(label, "").split()


def test_the_run_is_one_period_from_first_opening_to_last_closing():
    assert cells("opening") == ["6,000,000", "5,200,000", "6,000,000"]
    assert cells("issued") == ["200,000", "167,000", "367,000"]
    assert cells("closing") == ["5,200,000", "4,543,000", "4,543,000"]


def test_utilisation_of_the_run_counts_what_was_carried_over_once():
    assert cells("utilisation") == ["16.1", "%", "15.4", "%", "28.6", "%"]
    assert cells("idle") == ["52,000.00", "45,430.00", "45,430.00"]


def test_each_partner_is_owed_in_yuan_per_month_and_in_all():
    assert cells("PINGAN") == ["80.00", "20.00", "100.00"]
    assert cells("TTCLUB") == ["0.00", "30.50", "30.50"]
    assert cells("all") == ["80.00", "50.50", "130.50"]


def test_columns_are_aligned():
    figures = [
        line for line in summary(TWO_MONTHS).splitlines() if line[-1] in "0123456789%"
    ]

    assert len({len(line) for line in figures}) == 1


def test_refused_lines_are_counted_by_feed_and_reason():
    text = rejects_summary([("bills", "unknown_msisdn", 12)])

    assert text.splitlines()[1].split() == ["bills", "unknown_msisdn", "12"]
    assert rejects_summary([]).endswith("none")
