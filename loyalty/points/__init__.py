"""Every journal entry the programme can make, and what it does to members."""
