"""Points that members buy for cash, and what is given back of them."""
