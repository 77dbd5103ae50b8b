"""A made-up alliance on disk, and the commands that play it."""
