"""Files of a result: whole, named, typed, checked, and never outside the run's own."""

import gzip
import hashlib
import io
import json
import zipfile

import nibabel as nib
import openpyxl
import pytest
from django.conf import settings

from meta_app.analyses.models import Artefact, Run
from tests.meta_app.results.conftest import POSITIVE_MM


@pytest.fixture
def client(sign_in, viewer):
    return sign_in(viewer)


def content_of(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_map_comes_whole_with_its_type_its_hash_and_a_name_that_says_its_source(run, page, client):
    artefact = Artefact.objects.get(run=run, name="maps/z.nii.gz")
    answer = client.get(page(run, "files/maps/z.nii.gz"))
    content = content_of(answer)
    assert hashlib.sha256(content).hexdigest() == artefact.sha256
    assert answer["ETag"] == f'"{artefact.sha256}"'
    assert answer["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in answer
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert f'filename="concord-run{run.pk}-ddddddd' in answer["Content-Disposition"]
    assert "seed1-z.nii.gz" in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "private, no-cache"
    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    assert image.shape == (91, 109, 91)


def test_who_has_a_file_is_not_sent_it_again(run, page, client):
    etag = client.get(page(run, "files/maps/z.nii.gz"))["ETag"]
    answer = client.get(page(run, "files/maps/z.nii.gz"), headers={"If-None-Match": etag})
    assert answer.status_code == 304


@pytest.mark.parametrize(
    "name", ["../secret_key", "maps/../../2/maps/z.nii.gz", "/etc/passwd", "maps/nothing.nii.gz", "maps/", "%2e%2e/x"]
)
def test_only_names_that_the_run_holds_lead_anywhere(run, page, client, name):
    (settings.RUNS_DIR / "secret_key").write_text("secret")
    assert client.get(page(run, f"files/{name}")).status_code in {301, 404}
    assert client.get(page(run, f"files/{name}"), follow=True).status_code == 404


def test_a_file_of_another_size_is_not_served(run, page, client):
    (settings.RUNS_DIR / str(run.pk) / "maps" / "g.nii.gz").write_bytes(b"cut off")
    answer = client.get(page(run, "files/maps/g.nii.gz"))
    assert answer.status_code == 410
    assert "missing or damaged" in answer.content.decode()


@pytest.mark.parametrize("path", ["files/maps/z.nii.gz", "everything.zip"])
def test_a_run_that_does_not_say_its_core_version_gives_no_map(run, page, client, path):
    Run.objects.filter(pk=run.pk).update(core_version="")
    answer = client.get(page(run, path))
    assert answer.status_code == 400
    assert "does not say its core version" in answer.content.decode()


def test_the_zip_holds_every_file_with_matching_checksums_and_the_provenance(run, page, client):
    archive = zipfile.ZipFile(io.BytesIO(content_of(client.get(page(run, "everything.zip")))))
    folder = archive.namelist()[0].split("/")[0]
    names = {name.removeprefix(f"{folder}/") for name in archive.namelist()}
    stored = set(Artefact.objects.filter(run=run).values_list("name", flat=True))
    assert names == stored | {"provenance.json", "tables/tables.xlsx", "methods.txt", "SHA256SUMS"}
    assert "run.json" in names
    lines = archive.read(f"{folder}/SHA256SUMS").decode().splitlines()
    assert len(lines) == len(names) - 1
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256(archive.read(f"{folder}/{name}")).hexdigest() == digest
    provenance = json.loads(archive.read(f"{folder}/provenance.json"))
    assert provenance["agreed_dataset_sha256"] == "d" * 64
    assert provenance["analysis_specification_sha256"] == "5" * 64
    assert (provenance["core_version"], provenance["seed"]) == ("0.1.0", 1)


def test_the_same_result_makes_the_same_zip(run, page, client):
    first, second = (content_of(client.get(page(run, "everything.zip"))) for _ in range(2))
    assert first == second


def test_a_file_changed_in_place_is_found_before_it_is_packed(run, page, client):
    path = settings.RUNS_DIR / str(run.pk) / "maps" / "g.nii.gz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    answer = client.get(page(run, "everything.zip"))
    assert answer.status_code == 410
    assert "was changed after it was computed" in answer.content.decode()


def test_the_workbook_has_numbers_as_numbers_and_text_as_text(run, page, client, blobs):
    answer = client.get(page(run, "tables.xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["Clusters", "Local peaks", "Regions", "Provenance"]
    head, first, *_ = book["Clusters"].iter_rows()
    cells = dict(zip((cell.value for cell in head), first, strict=True))
    assert [cells[f"{axis} (MNI mm)"].value for axis in "xyz"] == list(POSITIVE_MM)
    assert cells["SDM-Z"].value == pytest.approx(blobs.clusters[0].peak.z, rel=1e-5)
    assert {cells[name].data_type for name in ("SDM-Z", "p", "Voxels", "x (MNI mm)")} == {"n"}
    assert cells["Region"].data_type == "s"
    assert "not corrected for multiple comparisons" in book["Clusters"].cell(book["Clusters"].max_row, 1).value


def test_the_workbook_of_a_result_without_clusters_has_its_heads_and_its_provenance(empty_run, page, client):
    book = openpyxl.load_workbook(io.BytesIO(client.get(page(empty_run, "tables.xlsx")).content))
    assert book["Clusters"]["B1"].value == "Cluster"
    assert any("d" * 64 in str(row[1]) for row in book["Provenance"].values)


def test_the_workbook_of_a_tested_result_names_the_correction_of_every_row(tested_run, page, client):
    book = openpyxl.load_workbook(io.BytesIO(client.get(page(tested_run, "tables.xlsx")).content))
    rows = [row[0] for row in book["Clusters"].iter_rows(min_row=2, max_row=4, values_only=True)]
    assert rows == ["Voxel-wise", "Uncorrected", "Uncorrected"]


def test_the_zip_of_a_tested_result_has_its_null_maxima_and_its_methods(tested_run, page, client):
    archive = zipfile.ZipFile(io.BytesIO(content_of(client.get(page(tested_run, "everything.zip")))))
    folder = archive.namelist()[0].split("/")[0]
    assert len(archive.read(f"{folder}/null_maxima.csv").splitlines()) == 41
    assert b"40 permutations of subject images" in archive.read(f"{folder}/methods.txt")
