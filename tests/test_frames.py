"""The geometry from a stored frame to the canvas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signwrite.frames import (
    UPRIGHT,
    Orientation,
    Placement,
    displayed_size,
    fit,
    orientation_of,
    paste,
)

ONE = 1 << 16  # 1.0 in 16.16 fixed point
STORED = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)

MATRICES = {
    # name: (a, b, c, d), what numpy does to the same effect
    "upright": ((ONE, 0, 0, ONE), STORED),
    "clockwise, as iPhones write": ((0, ONE, -ONE, 0), np.rot90(STORED, k=-1)),
    "half turn": ((-ONE, 0, 0, -ONE), np.rot90(STORED, k=2)),
    "counterclockwise": ((0, -ONE, ONE, 0), np.rot90(STORED, k=1)),
    "mirrored": ((-ONE, 0, 0, ONE), STORED[:, ::-1]),
    "upside down": ((ONE, 0, 0, -ONE), STORED[::-1]),
    "transposed": ((0, ONE, ONE, 0), STORED.transpose(1, 0, 2)),
    "transposed the other way": ((0, -ONE, -ONE, 0), np.rot90(STORED, k=2).transpose(1, 0, 2)),
}


def matrix(a: int, b: int, c: int, d: int) -> list[int]:
    return [a, b, 0, c, d, 0, 0, 0, 1 << 30]


@pytest.mark.parametrize("name", MATRICES)
def test_a_display_matrix_turns_pixels_as_the_standard_says(name: str) -> None:
    numbers, expected = MATRICES[name]
    orientation = orientation_of(matrix(*numbers))
    turned = orientation.turn(STORED)
    np.testing.assert_array_equal(turned, expected)
    assert orientation.turned_size(3, 2) == (turned.shape[1], turned.shape[0])


@given(st.sampled_from(sorted(MATRICES)), st.floats(0.2, 5.0), st.floats(-0.3, 0.3))
def test_scale_and_a_little_skew_do_not_matter(name: str, scale: float, skew: float) -> None:
    numbers, _ = MATRICES[name]
    skewed = [round(number * scale + skew * scale * ONE * (number == 0)) for number in numbers]
    assert orientation_of(matrix(*skewed)) == orientation_of(matrix(*numbers))


def test_a_matrix_of_zeros_turns_nothing() -> None:
    assert orientation_of([0] * 9) == UPRIGHT


@pytest.mark.parametrize("length", [0, 4, 8, 10])
def test_a_matrix_has_nine_numbers(length: int) -> None:
    with pytest.raises(ValueError, match=r"nine|unpack"):
        orientation_of([0] * length)


def test_pixel_aspect_widens_what_is_stored_before_it_is_turned() -> None:
    turned = Orientation(transposed=True)
    assert displayed_size(96, 64, pixel_aspect=2.0, orientation=UPRIGHT) == (192, 64)
    assert displayed_size(96, 64, pixel_aspect=2.0, orientation=turned) == (64, 192)
    assert displayed_size(96, 64, pixel_aspect=1e-9, orientation=UPRIGHT) == (1, 64)


@given(st.integers(1, 8192), st.integers(1, 8192), st.integers(32, 1024))
def test_a_frame_fits_the_canvas_whole_centred_and_in_shape(
    width: int, height: int, canvas_px: int
) -> None:
    placement = fit(width, height, canvas_px=canvas_px)
    assert max(placement.width, placement.height) == canvas_px
    assert min(placement.width, placement.height) >= 1
    right = canvas_px - placement.left - placement.width
    bottom = canvas_px - placement.top - placement.height
    assert 0 <= right - placement.left <= 1
    assert 0 <= bottom - placement.top <= 1
    exact = canvas_px / max(width, height)
    assert abs(placement.width - width * exact) <= 1
    assert abs(placement.height - height * exact) <= 1


def test_pasting_touches_nothing_else() -> None:
    canvas = np.zeros((6, 6, 3), dtype=np.uint8)
    paste(
        np.full((2, 4, 3), 9, dtype=np.uint8), canvas, Placement(left=1, top=2, width=4, height=2)
    )
    assert (canvas[2:4, 1:5] == 9).all()
    assert canvas.sum() == 9 * 2 * 4 * 3
