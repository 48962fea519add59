"""Parts of make_reference_models.py; its head says what is written where."""
