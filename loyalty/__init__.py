"""The loyalty programme: members, points, partners and what they cost."""
