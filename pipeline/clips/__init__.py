"""From videos and annotations to labelled clips and their frames."""
