"""The subscription desk of the newspaper 知音报: orders it for readers, and knows who reads it."""
