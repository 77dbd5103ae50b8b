"""The ladder of tiers, and where a member stands on it."""
