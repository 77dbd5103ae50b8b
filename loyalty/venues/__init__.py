"""Sessions at venues: their places, who has one, and who waits for one."""
