"""What members order: placed, paid, fulfilled, canceled and given back."""
