"""The alliance: its partners, and members' accounts with them."""
