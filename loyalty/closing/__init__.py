"""The month-end: what has to be looked at, the close, and opening a month again."""
