"""Annotations are checked in tests, shapes together with each other."""

from typing import Any

import pytest
import torch
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from gwbricks.losses import ContrastiveLoss
from gwbricks.runs.folder.place import safe_name


def test_shapes_that_do_not_agree_are_told() -> None:
    with pytest.raises(TypeCheckError, match="rows"):
        ContrastiveLoss()(torch.zeros(4, 3), torch.zeros(5, 3))


def test_a_value_of_another_type_is_told() -> None:
    number: Any = 3
    with pytest.raises(BeartypeCallHintViolation, match="not instance of str"):
        safe_name(number)
