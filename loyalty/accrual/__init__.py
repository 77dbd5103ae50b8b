"""Bills, payments and partner activities that earn points."""
