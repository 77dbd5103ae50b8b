"""Points turned into what partners keep, and back: rates, quotes, sagas."""
