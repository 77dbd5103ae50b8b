"""What partners' machines asked of us: each question once, and not too many."""
