"""What becomes of points when a member leaves the network, or comes back."""
