"""Talk to partner systems safely; know nothing of the programme."""
