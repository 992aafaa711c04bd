"""What a person types about a study, its people and its contrasts. Each form carries the version that it edits."""

from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from meta_app.common.forms import LineField, LinesField, StyledForm
from meta_app.extraction.form_domain import FormField, Level
from meta_app.extraction.models import Study
from meta_app.library.models import Report

LANGUAGES = ("English", "Chinese")


class Suggestions(forms.TextInput):
    """A text field with suggestions; any other text is as good."""

    def __init__(self, suggestions: tuple[str, ...]) -> None:
        super().__init__()
        self.suggestions = suggestions

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        list_id = f"{(attrs or {}).get('id', name)}_list"
        options = format_html_join("", '<option value="{}"></option>', ((word,) for word in self.suggestions))
        field = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        return format_html('{}<datalist id="{}">{}</datalist>', field, list_id, options)


class VersionForm(StyledForm, forms.Form):
    """Only the version that is edited: for confirmations."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class ReopenForm(VersionForm):
    reason = forms.CharField(widget=forms.Textarea({"rows": 3}), max_length=500, help_text="Kept with the study.")


class CompleteForm(VersionForm):
    reason = forms.CharField(required=False, max_length=500)


class StudyForm(StyledForm, forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Study
        fields = ("label", "year")
        field_classes = {"label": LineField}


class ReportForm(StyledForm, forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Report
        fields = ("authors", "title", "year", "source", "doi", "language", "kind", "reference")
        widgets = {
            "authors": forms.TextInput,
            "title": forms.TextInput,
            "reference": forms.Textarea({"rows": 3}),
            "language": Suggestions(LANGUAGES),
        }
        labels = {"doi": "DOI"}

    def clean_doi(self) -> str:
        """Without the resolver's address, as printed on a paper."""
        doi = self.cleaned_data["doi"].strip()
        for prefix in ("https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:"):
            if doi.lower().startswith(prefix):
                return doi[len(prefix) :].strip()
        return doi


class NewStudyForm(ReportForm):
    """A study and its report on one page."""

    version = None
    label = LineField(
        max_length=120, label="Study label", help_text="First author and year, with a letter if needed: Cao 2017a."
    )
    field_order = ("label", "authors", "title", "year", "source", "doi", "language", "kind", "reference")

    def report_values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self._meta.fields}


class FieldForm(VersionForm):
    """A field of the extraction form."""

    label = forms.CharField(max_length=80, help_text="For example: Right-handed.")
    level = forms.ChoiceField(
        label="Asked of each",
        choices=[("study", "study"), ("cohort", "cohort"), ("group", "group"), ("dataset", "dataset")],
    )
    section = forms.CharField(max_length=40, help_text="The heading it stands under, for example MRI.")
    kind = forms.ChoiceField(
        label="Kind of answer",
        choices=[
            ("text", "text"), ("long_text", "long text"), ("integer", "whole number"), ("number", "number"),
            ("quantity", "number with one of several units"), ("choice", "choice"), ("yes_no", "yes or no"),
            ("scales", "scales"),
        ],
    )  # fmt: skip
    units = forms.CharField(
        required=False, max_length=200, help_text="Of a number: its unit, or several with commas between them."
    )
    choices = LinesField(required=False, widget=forms.Textarea({"rows": 3}), help_text="Of a choice: one to a line.")
    help = forms.CharField(required=False, max_length=200, label="Help", help_text="Shown beside the question.")
    reason = forms.CharField(required=False, max_length=300, label="Why", help_text="Both reviewers read it.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        kind, units = cleaned.get("kind"), self._units()
        if kind == "quantity" and len(units) < 2:
            self.add_error("units", "Name at least two units; for a single one choose “number”.")
        if kind in ("integer", "number") and len(units) > 1:
            self.add_error("units", "A number has one unit; for several choose “number with one of several units”.")
        if kind == "choice" and len(cleaned.get("choices") or []) < 2:
            self.add_error("choices", "Name at least two, one to a line.")
        return cleaned

    def _units(self) -> tuple[str, ...]:
        return tuple(unit.strip() for unit in self.cleaned_data.get("units", "").split(",") if unit.strip())

    def field(self, level: Level | None = None) -> FormField:
        """What was typed, on a level that is chosen or given; the service gives it its key."""
        data = self.cleaned_data
        numeric = data["kind"] in ("integer", "number", "quantity")
        label, section = (" ".join(data[name].split()) for name in ("label", "section"))
        return FormField(
            "", label, level or data["level"], section, data["kind"],
            units=self._units() if numeric else (),
            choices=tuple((words, words) for words in data["choices"]) if data["kind"] == "choice" else (),
            help=data["help"],
        )  # fmt: skip


class FieldChangeForm(FieldForm):
    """A field as it is asked now; its level stays. The reason is needed."""

    reason = forms.CharField(max_length=300, label="Why", help_text="Needed. Both reviewers read it.")
    level = None
