"""Tournaments: heats in cities, draws that can be repeated, results, a final."""
