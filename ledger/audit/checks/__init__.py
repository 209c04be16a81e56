"""What is asked of one loan at a time, a module for each kind of question. Each check writes into :class:`Notes`."""
