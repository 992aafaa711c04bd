"""What a person sends to import studies or peaks from files of other programs."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from meta_app.common.forms import StyledForm
from meta_app.extraction.exchange.opening import LARGEST_FILE
from meta_app.extraction.exchange.plain import Chosen
from meta_app.extraction.models import Dataset

MOST_FILES = 1000
MODES = [
    ("skip", "Leave mine as they are"),
    ("append", "Add to mine: nothing that is there goes"),
    ("replace", "Replace mine by the file"),
]


class SeveralFiles(forms.FileField):
    """One file or a whole folder's; cleaned to a list."""

    widget = forms.FileInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_SeveralInput(), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list) else [data] if data else []
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"These are {len(files)} files; {MOST_FILES} are read at a time. Send a ZIP.")
        return [super(SeveralFiles, self).clean(file, initial) for file in files or [None]]


class _SeveralInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ChosenForm(StyledForm, forms.Form):
    """What the file's datasets are where it does not say so."""

    comparison = forms.ChoiceField(choices=Dataset.Comparison.choices, initial=Chosen.comparison, required=False)
    modality = forms.ChoiceField(choices=Dataset.Modality.choices, initial=Chosen.modality, required=False)
    metric = forms.CharField(max_length=40, required=False, help_text="For example ALFF; empty: not stated.")

    def chosen(self) -> Chosen:
        data = self.cleaned_data
        return Chosen(
            data.get("comparison") or Chosen.comparison,
            data.get("modality") or Chosen.modality,
            data.get("metric") or Chosen.metric,
        )


class UploadForm(ChosenForm):
    files = SeveralFiles(
        label="Files",
        help_text=(
            "An export of a dataset (JSON, XLSX, tables as ZIP), a folder of SDM-PSI (as ZIP, or all of its files), "
            f"a text of Sleuth or GingerALE, or a NiMADS studyset. Up to {LARGEST_FILE // 1_000_000} MB."
        ),
    )


class ImportForm(ChosenForm):
    """The same upload once more, with what becomes of studies that are there."""

    token = forms.CharField(max_length=64, widget=forms.HiddenInput)
    source = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)
    mode = forms.ChoiceField(choices=MODES, initial="skip", required=False)

    def versions(self) -> dict[str, int]:
        """By label, the version of one's own draft that the preview showed."""
        found = (str(text).rpartition("=") for text in self.data.getlist("version"))
        return {label: int(number) for label, _equals, number in found if number.isdecimal() and len(number) < 10}


class PeaksUploadForm(StyledForm, forms.Form):
    files = SeveralFiles(
        label="File",
        help_text=(
            "CSV or XLSX whose first row names its columns (x, y, z; if there are any t, label, cluster size, page), "
            "a peak file of SDM-PSI (x,y,z,t), a text of Sleuth, a NiMADS studyset, or any export of a dataset. "
            "Nothing is stored before you have looked at it."
        ),
    )


class PeaksImportForm(StyledForm, forms.Form):
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)
    source = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    part = forms.IntegerField(min_value=0, required=False)
    mode = forms.ChoiceField(choices=MODES[1:])
