"""A double-entry ledger for units of any kind, one sub-ledger per member.

    book ──< balance          the lock and the gate; what may not fall below zero
      │
      ├───< lot               units alike in issuer, funding, cost and last good day
      │
      ├───< transfer          an amount from a debit to a credit account, for ever
      │
      └───< reference         the caller's name for an entry, and what it asked for

Everything is written by the SQL functions in `sql/`; `book.Book` is their face.
"""
