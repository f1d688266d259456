"""Events for SPs and billing, posted as signed webhooks."""
