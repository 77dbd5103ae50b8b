"""What points can buy."""
