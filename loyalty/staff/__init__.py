"""People of the operator: their roles, and how they sign in."""
