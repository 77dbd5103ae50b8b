"""Members: who takes part, with which lines, and what the outside calls them."""
