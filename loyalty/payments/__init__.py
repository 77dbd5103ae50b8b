"""Money that members pay, on pages of a provider: asked for, settled, given back."""
