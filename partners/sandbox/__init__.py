"""Stand-ins for strangers, for development, tests and the demo."""
