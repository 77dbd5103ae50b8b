"""What happened in some months, in sums: what the money journal is derived from."""
