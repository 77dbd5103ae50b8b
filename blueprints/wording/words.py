"""What a sentence is made of."""

Words = tuple[str, str]  # Chinese, English
