"""Orders: place one, ask the subscriber to confirm it, and handle a yes, a no or silence."""
