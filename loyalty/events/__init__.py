"""What happened, told to partners who want to know: an outbox and its webhooks."""
