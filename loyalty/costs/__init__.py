"""The club cost line: what services and activities of clubs cost in money."""
