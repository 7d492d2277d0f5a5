"""From labelled clips to trained weights."""
