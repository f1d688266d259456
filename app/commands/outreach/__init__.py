"""Messages that no subscriber asked for: campaigns, and the consent they need."""
