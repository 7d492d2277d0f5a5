"""A corpus of what strangers might send, made in code: each file with the answer it must get."""
