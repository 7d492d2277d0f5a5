"""The network: a uint8 clip tensor in, calibrated scores out; built of Keras 3, any backend.

::

    clips uint8 [B, T, S, S, 3]
      -> sample the whole canvas at localiser_px   -> localiser   -> hand box per frame
                                                      presence    -> is there a hand?
      -> sample the hand box at crop_px            -> backbone, landmark_head -> joints
      -> sample the box around them at crop_px     -> backbone    -> 2048 features per frame
      -> features -> frame_head, landmark_head     -> logits and 21 joints per frame
      -> the joints' movement                      -> motion      -> logits
      -> both kinds of logits                      -> blend       -> logits [B, L]
      -> divided by the temperature, softmax       -> scores [B, L]

Both convolutional parts are `keras.applications.InceptionV3` (Szegedy et al. 2016, "Rethinking the
Inception Architecture") with batch normalisation folded into the convolutions; the localiser keeps
its first blocks only. Pixels are scaled to [-1, 1] in `squares` and nowhere else.
"""
