"""The signs a model knows, and the recipe it was trained by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from signwrite.recipe import Recipe
from signwrite.vocabulary import ASL_LETTERS, Vocabulary

signs = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)


@given(st.lists(signs, min_size=2, max_size=50, unique=True))
def test_the_order_of_signs_is_their_label_index(words: list[str]) -> None:
    vocabulary = Vocabulary(tuple(words))
    assert len(vocabulary) == len(words)
    assert list(vocabulary) == words
    for label, word in enumerate(words):
        assert vocabulary[label] == word
        assert vocabulary.index(word) == label


@given(st.lists(signs, min_size=2, max_size=50, unique=True))
def test_a_vocabulary_survives_json(words: list[str]) -> None:
    vocabulary = Vocabulary(tuple(words))
    assert Vocabulary.model_validate_json(vocabulary.model_dump_json()) == vocabulary


@pytest.mark.parametrize("wrong", ["", " A", "A ", "a/b", "a\\b", "..", ".", "a\nb", "\x00"])
def test_a_sign_can_name_a_folder(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Vocabulary(("A", wrong))


def test_a_vocabulary_has_two_signs_and_each_once() -> None:
    for wrong in ((), ("A",), ("A", "B", "A")):
        with pytest.raises(ValidationError):
            Vocabulary(wrong)


def test_a_sign_that_is_not_known_has_no_label() -> None:
    with pytest.raises(KeyError):
        Vocabulary(ASL_LETTERS).index("ß")


def test_a_vocabulary_cannot_be_changed() -> None:
    vocabulary = Vocabulary(ASL_LETTERS)
    with pytest.raises(ValidationError):
        vocabulary.root = ("A", "B")


@given(st.integers(1, 64), st.integers(32, 1024))
def test_a_recipe_says_the_shape_of_its_tensor_and_survives_json(frames: int, canvas: int) -> None:
    recipe = Recipe(frames_per_clip=frames, canvas_px=canvas)
    assert recipe.clip_shape == (frames, canvas, canvas, 3)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"version": 0},
        {"frames_per_clip": 0},
        {"frames_per_clip": 65},
        {"canvas_px": 31},
        {"canvas_px": 1025},
        {"frames": 12},
    ],
    ids=str,
)
def test_an_unknown_recipe_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(wrong)
