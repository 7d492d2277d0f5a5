"""Where the joints of a hand are, frame by frame: a teacher finds them, a table keeps them.

Landmarks are the common 21 of a hand: the wrist, then the joints of thumb, index, middle, ring and
little finger, each from the palm to the tip. Only training knows them; the served network has
learnt to see them by itself.
"""

LANDMARKS = 21
