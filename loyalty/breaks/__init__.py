"""Differences between partners' figures and ours, whoever compares them."""
