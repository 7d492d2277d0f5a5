"""Offline: from tutorial videos and annotations to an exported model bundle."""

import os

# TensorFlow 2.21 computes convolutions with oneDNN by itself only where the processor has
# AVX512-VNNI or better; elsewhere with Eigen, at two thirds of the pace of oneDNN on AVX2. Only
# what is set before TensorFlow loads counts.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
