"""What an exported bundle makes of people it never saw: measured, checked, and written out."""

LIKENESS = 0.18
"""Share of differing bits below which two clips are the same recording.

Measured by `benchmarks.likeness` on 953 clips of forty signers: the two likest of different people
are 0.22 apart, and only one in a hundred clips has anybody else's nearer than 0.25. Of copies at
half the size, encoded hard (CRF 36) and trimmed by a fifth, 99 in 100 stay below 0.17. Where a
copy is also cropped by a twentieth, half are above 0.16 and the worst at 0.35: some are missed.
"""

CROSSVAL = "crossval"
"""What the figures of a cross-validation are called, where those of a split have its name."""
