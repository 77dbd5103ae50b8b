"""What staff did, kept for ever."""
