"""How many points of a cohort will ever be redeemed, and what a point sells for.

Two people set both (domain.md 2.6, 4.8); what the past suggests stands beside it.
"""
