"""Load tests: real clips, crowds of users, and an objective that a service meets or not."""
