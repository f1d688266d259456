"""What is sent of our own accord: campaigns, and the consent they need."""
