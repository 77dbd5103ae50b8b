"""What is settled with partners, and what they dispute of it."""
