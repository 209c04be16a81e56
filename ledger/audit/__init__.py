"""Re-deriving everything from the records; the same code for server, partner and test."""
