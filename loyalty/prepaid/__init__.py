"""What partners pay for in advance, what they may owe, and which it is."""
