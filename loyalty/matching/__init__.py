"""Our books, a partner's file and its invoice, laid side by side (domain.md 3.1)."""
