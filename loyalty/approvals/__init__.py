"""What one person asks for and another decides (domain.md 4.8)."""
