"""Two people who differ in one value, and who settles it."""

import pytest

from tests.meta_app.quality.score_cast import place_of

from .readers import both_locked, tree


@pytest.fixture
def comparison(project, reviewer, second_reviewer):
    """Everything is equal but n."""
    return both_locked(project, reviewer, second_reviewer, b=tree(patients={"n": 19}))


@pytest.fixture
def judge(adjudicator):
    return place_of(adjudicator)
