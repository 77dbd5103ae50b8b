"""The programme's terms, as versioned data."""
