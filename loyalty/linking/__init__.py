"""What members let partners have and do: one consent for each, with an end."""
