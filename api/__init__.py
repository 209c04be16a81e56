"""The HTTP service over the ledger library: it holds no rule of the ledger and no SQL of its own."""
