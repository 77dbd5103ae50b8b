"""What points cost: the month's figures and the closing of its books."""
