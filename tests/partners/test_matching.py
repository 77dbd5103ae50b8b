import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.matching import (
    Check,
    NameMatch,
    NumberRule,
    PersonName,
    luhn_digit,
    luhn_holds,
    match_full_name,
    match_names,
    mod_11_2_character,
    mod_11_2_holds,
    mod_97_10_digits,
    mod_97_10_holds,
    weighted_mod_7_digit,
    weighted_mod_7_holds,
)

SAME, REVIEW, DIFFERENT = NameMatch.SAME, NameMatch.REVIEW, NameMatch.DIFFERENT


def test_the_luhn_digit_of_domain_3_3():
    assert luhn_digit("7992739871") == 3
    assert luhn_holds("79927398713")
    assert not luhn_holds("79927398710")


@pytest.mark.parametrize("number", ["11010519491231002X", "0000000218250097"])
def test_an_identity_card_and_an_orcid_hold_under_mod_11_2(number):
    assert mod_11_2_holds(number)
    assert mod_11_2_character(number[:-1]) == number[-1]


@pytest.mark.parametrize("number", ["79444", "5493001KJTIIGC8Y1R12"])
def test_the_example_of_the_standard_and_an_lei_hold_under_mod_97_10(number):
    assert mod_97_10_holds(number)
    assert mod_97_10_digits(number[:-2]) == number[-2:]


@given(st.integers(1, 10**14))
def test_with_the_usual_weights_the_sum_is_the_number_modulo_7(number):
    assert weighted_mod_7_digit(str(number)) == number % 7
    assert weighted_mod_7_holds(f"{number}{number % 7}")


@given(st.text("0123456789", min_size=5, max_size=20), st.data())
def test_a_wrong_digit_is_always_found(payload, data):
    place = data.draw(st.integers(0, len(payload) - 1))
    wrong = data.draw(st.sampled_from(sorted(set("0123456789") - {payload[place]})))
    slipped = payload[:place] + wrong + payload[place + 1 :]

    assert not luhn_holds(f"{slipped}{luhn_digit(payload)}")
    assert not mod_11_2_holds(slipped + mod_11_2_character(payload))
    assert not mod_97_10_holds(slipped + mod_97_10_digits(payload))


@pytest.mark.parametrize("number", ["", "X", "1", "12a4", "１２３４", "4111 1111"])
def test_what_is_no_number_holds_under_nothing(number):
    assert not luhn_holds(number)
    assert not mod_11_2_holds(number)
    assert not mod_97_10_holds(number)
    assert not weighted_mod_7_holds(number)


@pytest.mark.parametrize(
    ("rule", "number", "accepted"),
    [
        (NumberRule(r"CA[0-9]{9}"), "CA123456789", True),
        (NumberRule(r"CA[0-9]{9}"), "CA12345678", False),
        (NumberRule(r"CA[0-9]{11}", Check.LUHN), "CA79927398713", True),
        (NumberRule(r"CA[0-9]{11}", Check.LUHN), "CA79927398712", False),
        (NumberRule(r"[0-9]{17}[0-9X]", Check.MOD_11_2), "11010519491231002X", True),
        (NumberRule(r"[A-Z0-9]{20}", Check.MOD_97_10), "5493001KJTIIGC8Y1R12", True),
        (NumberRule(r"[A-Z0-9]{20}", Check.MOD_97_10), "5493001KJTIIGC8Y1R21", False),
        (NumberRule(r"MU[0-9]{5}", Check.WEIGHTED_MOD_7), "MU12342", True),
        (NumberRule(r"[0-9]{5}", Check.WEIGHTED_MOD_7, (2, 3)), "12343", True),
    ],
)
def test_a_partner_says_what_its_numbers_look_like(rule, number, accepted):
    assert rule.accepts(number) is accepted


@pytest.mark.parametrize(
    ("family", "given_name", "verdict"),
    [
        ("WANG", "XIAOMING", SAME),
        ("Wang", "Xiao-Ming", SAME),
        ("wang", "xiao ming", SAME),
        ("Xiaoming", "Wang", SAME),
        ("WANG", "XIAOMIN", REVIEW),
        ("WANG", "XIAOMINGG", REVIEW),
        ("XIAOMIMG", "WANG", REVIEW),
        ("WANG", "XIAOMN", DIFFERENT),
        ("WANF", "XIAOMING", DIFFERENT),
        ("HUANG", "XIAOMING", DIFFERENT),
        ("WANG", "", DIFFERENT),
        ("王", "小明", REVIEW),
    ],
)
def test_wang_xiaoming_is_known_however_he_is_written(family, given_name, verdict):
    ours, theirs = PersonName("Wang", "Xiaoming"), PersonName(family, given_name)

    assert match_names(ours, theirs) is verdict


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (PersonName("Müller", "José"), PersonName("MULLER", "JOSE")),
        (PersonName("Łukasz", "Bjørn"), PersonName("LUKASZ", "BJORN")),
        (PersonName("Groß", "Ægir"), PersonName("GROSS", "AEGIR")),
        (PersonName("Lü", "Wei"), PersonName("LV", "WEI")),
        (PersonName("吕", "伟"), PersonName("吕", "伟")),
        (PersonName("Lyu", "Wei"), PersonName("Lü", "Wei")),
        (PersonName("Xi'an", "Ou-Yang"), PersonName("OUYANG", "XIAN")),
        (PersonName("Ｗａｎｇ", "Li"), PersonName("WANG", "LI")),  # full width
    ],
)
def test_accents_and_scripts_of_one_name_are_one_name(ours, theirs):
    assert match_names(ours, theirs) is SAME
    assert match_names(theirs, ours) is SAME


@pytest.mark.parametrize(
    ("full", "theirs", "verdict"),
    [
        ("王小明", PersonName("王", "小明"), SAME),
        ("Xiao Ming WANG", PersonName("WANG", "XIAOMING"), SAME),
        ("WANG XIAOMING", PersonName("WANG", "XIAOMIN"), REVIEW),
        ("王小明", PersonName("WANG", "XIAOMING"), REVIEW),
        ("LI XIAOMING", PersonName("WANG", "XIAOMING"), DIFFERENT),
        ("", PersonName("WANG", "XIAOMING"), DIFFERENT),
    ],
)
def test_a_name_in_one_piece_is_compared_too(full, theirs, verdict):
    assert match_full_name(full, theirs) is verdict
