"""Blocks of permutations over a real Redis, stored in a real PostgreSQL."""

from pathlib import Path

import pytest

from tests.meta_app.analyses.conftest import THREE, content_of
from tests.meta_app.analyses.sites import Site, command_line_maxima


@pytest.fixture
def site(migrated, team_server):
    site = Site(Path(team_server["CONCORD_DATA"]), team_server)
    yield site
    site.close()


def test_blocks_of_two_workers_over_redis_make_the_maxima_of_the_command_line(site, tmp_path, monkeypatch):
    site.companions(2)
    run = site.ask("freeze_and_launch", content_of(THREE), "Blocks over Redis", 3, 100)
    seen = site.finished(run)
    assert (seen["status"], seen["error"], len(seen["blocks"]), seen["workers"]) == ("done", "", 4, 2)
    folder = site.folder / "runs" / str(run)
    expected = command_line_maxima(folder / "inputs", tmp_path / "again", 100, monkeypatch)
    assert (folder / "null_maxima.csv").read_bytes() == expected
    assert expected.count(b"\n") == 101
