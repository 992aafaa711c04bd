"""The pages of results: who sees them, what they say, and what they cost."""

import pytest

from meta_app.analyses.models import Run
from tests.meta_app.results.conftest import make_run

PATHS = ["", "slices.png", "tables.xlsx", "everything.zip", "files/maps/z.nii.gz"]


@pytest.mark.parametrize("path", PATHS)
def test_a_result_is_for_members_of_its_project_only(run, page, sign_in, viewer, outsider, path):
    assert sign_in(None).get(page(run, path)).status_code == 302
    assert sign_in(outsider).get(page(run, path)).status_code == 404
    assert sign_in(viewer).get(page(run, path)).status_code == 200
