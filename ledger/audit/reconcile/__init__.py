"""Files about a pool against its records: :mod:`.perform` compares, :mod:`.tapes` is the audit's procedure."""
