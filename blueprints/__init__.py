"""The faces on the web: they translate, and decide nothing."""
