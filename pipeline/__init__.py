"""Offline: from tutorial videos and annotations to an exported model bundle."""
