"""What an exported bundle makes of people it never saw: measured, checked, and written out."""
