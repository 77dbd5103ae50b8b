"""The money journal: what events mean in money, in two views, derived by month."""
