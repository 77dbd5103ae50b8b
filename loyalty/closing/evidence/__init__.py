"""What the steps of a month-end rest on: queries over sets, each a few figures."""
