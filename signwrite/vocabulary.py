"""The signs a model knows, in the order of its outputs."""

from collections.abc import Iterator
from typing import Self

from pydantic import RootModel, model_validator

ASL_LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Vocabulary(RootModel[tuple[str, ...]], frozen=True):
    """Ordered, distinct signs; a sign's place is its label index.

    Raises:
        pydantic.ValidationError: fewer than two signs, one that is empty, padded with white space
            or holds a path separator or control character (signs name folders), or one twice.
    """

    @model_validator(mode="after")
    def _check(self) -> Self:
        signs = self.root
        if len(signs) < 2:  # noqa: PLR2004 - one sign leaves nothing to decide
            raise ValueError(f"a vocabulary needs at least 2 signs; received {len(signs)}")
        for sign in signs:
            if not sign or sign != sign.strip() or not sign.isprintable():
                raise ValueError(f"a sign is printable text, no outer spaces; received {sign!r}")
            if "/" in sign or "\\" in sign or sign in {".", ".."}:
                raise ValueError(f"a sign names a folder and cannot hold a path; received {sign!r}")
        if len(set(signs)) != len(signs):
            twice = sorted({sign for sign in signs if signs.count(sign) > 1})
            raise ValueError(f"a vocabulary holds each sign once; received twice: {twice}")
        return self

    def __len__(self) -> int:
        """Count the signs."""
        return len(self.root)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # the signs, not pydantic's fields
        """Yield the signs in label order."""
        return iter(self.root)

    def __getitem__(self, index: int) -> str:
        """Return the sign of a label index."""
        return self.root[index]

    def index(self, sign: str) -> int:
        """Return the label index of a sign.

        Raises:
            KeyError: the vocabulary does not hold it.
        """
        try:
            return self.root.index(sign)
        except ValueError:
            raise KeyError(sign) from None
