"""Draws signers: an articulated hand, a table of signs, a scene and a camera, all in numpy."""
