"""Online: a clip over HTTP in, ranked signs as JSON out."""
