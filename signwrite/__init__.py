"""The domain: what a clip is, how it is read, and what a ranking of signs is."""
