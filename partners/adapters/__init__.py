"""Those who speak with one kind of stranger each."""
