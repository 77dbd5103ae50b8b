"""Managers of clubs among the staff."""

from alembic import op

revision = "0025_club_managers"
down_revision = "0024_insurer"
branch_labels = None
depends_on = None

_ROLES = """
ALTER TABLE staff DROP CONSTRAINT staff_roles_known;
ALTER TABLE staff ADD CONSTRAINT staff_roles_known CHECK (
    roles <@ ARRAY[{roles}] AND cardinality(roles) > 0);
"""
_BEFORE = (
    "'clerk', 'product', 'finance_maker', 'finance_checker', 'supervisor',"
    " 'auditor', 'admin'"
)


def upgrade() -> None:
    """Let staff manage clubs."""
    op.execute(_ROLES.format(roles=f"'club_manager', {_BEFORE}"))


def downgrade() -> None:
    """Let nobody do that any more; who did nothing else is let in no more."""
    op.execute(
        "UPDATE staff SET roles = array_remove(roles, 'club_manager')"
        " WHERE roles <> ARRAY['club_manager'];"
        " UPDATE staff SET roles = ARRAY['auditor'], disabled_at = now()"
        " WHERE roles = ARRAY['club_manager']"
    )
    op.execute(_ROLES.format(roles=_BEFORE))
