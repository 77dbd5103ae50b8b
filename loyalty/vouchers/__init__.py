"""Codes that prove a redemption: made by us, or taken from a pool."""
