"""Who may come in: codes, passwords, passkeys, sessions, and what guards spending."""
