import pytest

from loyalty.access import passwords
from loyalty.access.errors import PasswordTooWeak
from loyalty.access.operations import check_password, set_password
from loyalty.access.queries import has_password

GOOD = "一匹马 rode over 7 hills"


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short one", "too_short"),
        ("马" * 11, "too_short"),
        ("horse" * 41, "too_long"),
        ("abababababab", "common"),
        ("aaaaaaaaaaaaaaa", "common"),
        ("MyPassword2026", "common"),
        ("hello1234567890", "common"),
        ("woaini5201314!", "common"),
        ("ChinaUnicom-GD", "common"),
        ("horse 13300000001", "personal"),
        ("the LI.NA of here", "personal"),
    ],
)
def test_what_is_guessed_first_is_no_password(password, fault):
    with pytest.raises(PasswordTooWeak) as refused:
        passwords.accept(password, own=("13300000001", "li.na", ""))

    assert refused.value.facts == {"fault": fault}


def test_a_sentence_is_a_password():
    passwords.accept(GOOD, own=("13300000001",))


def test_a_password_is_kept_as_argon2id():
    kept = passwords.hashed(GOOD)

    assert kept.startswith("$argon2id$")
    assert passwords.is_right(kept, GOOD)
    assert not passwords.is_right(kept, f"{GOOD} ")
    assert not passwords.is_right(None, GOOD)
    assert not passwords.is_right("no hash at all", GOOD)


def test_nobodys_password_is_nobodys():
    assert not passwords.is_right(None, "nobody's")


def test_a_member_has_a_password_until_it_is_removed(session):
    set_password(session, member_id=7, password=GOOD, own=())

    assert has_password(session, 7)
    assert check_password(session, member_id=7, password=GOOD)
    assert not check_password(session, member_id=7, password="another")
    assert not check_password(session, member_id=8, password=GOOD)
    assert not check_password(session, member_id=None, password=GOOD)

    set_password(session, member_id=7, password=None, own=())

    assert not has_password(session, 7)
    assert not check_password(session, member_id=7, password=GOOD)


def test_a_weak_password_changes_nothing(session):
    set_password(session, member_id=7, password=GOOD, own=())

    with pytest.raises(PasswordTooWeak):
        set_password(session, member_id=7, password="weak", own=())

    assert check_password(session, member_id=7, password=GOOD)
