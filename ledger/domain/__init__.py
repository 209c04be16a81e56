"""What the bytes mean: events, loans and claims, pools, and the rules of admission. No I/O of any kind."""
