"""A dataset of rosa's, and her browser."""

import pytest

from .peak_cast import make_dataset


@pytest.fixture
def dataset(project, reviewer):
    return make_dataset(project, reviewer)


@pytest.fixture
def client(sign_in, reviewer):
    return sign_in(reviewer)
