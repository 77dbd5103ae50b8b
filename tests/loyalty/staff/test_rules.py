import pytest

from loyalty.staff.rules import ROLES, Permission, permissions_of

READING = {Permission.ENTER, Permission.READ}
# Who serves members sees those who are served, or who come.
AT_THE_FRONT = ("clerk", "club_manager")


def test_the_auditor_reads_all_and_changes_nothing():
    assert permissions_of(["auditor"]) == READING | {Permission.CLUB_READ}


@pytest.mark.parametrize("role", sorted(set(ROLES) - set(AT_THE_FRONT)))
def test_everyone_in_the_office_reads_all(role):
    assert permissions_of([role]) >= READING


def test_a_clerk_sees_who_is_served_and_no_more():
    assert Permission.READ not in permissions_of(AT_THE_FRONT)
    assert Permission.COUNTER in permissions_of(["clerk"])


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        (Permission.CATALOGUE_MAKE, Permission.CATALOGUE_CHECK),
        (Permission.FINANCE_MAKE, Permission.FINANCE_CHECK),
        (Permission.MEMBER_ERASE_MAKE, Permission.MEMBER_ERASE_CHECK),
    ],
)
def test_no_role_both_asks_and_decides(maker, checker):
    for role, permissions in ROLES.items():
        assert not {maker, checker} <= permissions, role


def test_every_permission_is_somebodys():
    assert permissions_of(ROLES) == set(Permission)


def test_roles_add_up():
    both = permissions_of(["product", "clerk"])

    assert both == ROLES["product"] | ROLES["clerk"]
    assert permissions_of([]) == frozenset()
