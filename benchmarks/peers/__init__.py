"""What people would use instead, written as they would: the same clips, where possible the model.

Each module starts a server on the port of the environment variable ``PORT``, with the SavedModel
of ``SAVED_MODEL``; `python -m benchmarks.peers` compares them. They take no care of what strangers
may send them.
"""
