"""Points spent on catalogue items."""
