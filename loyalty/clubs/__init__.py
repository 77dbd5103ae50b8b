"""Clubs: who belongs to which, until when, and what belonging brings."""
