"""Feeds: files of many lines, checked whole, then booked line by line, once."""
