"""What a person types about a study, its people and its contrasts. Each form carries the version that it edits."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from meta_app.extraction.models import Cohort, Dataset, Extraction, Group, Study
from meta_app.extraction.study_checks import t_threshold
from meta_app.library.models import Report

LANGUAGES = ("English", "Chinese")
GROUP_FIELDS = (
    "kind", "label", "n", "n_female", "age_mean", "age_sd", "education_mean", "education_sd",
    "duration_mean", "duration_sd", "duration_unit",
)  # fmt: skip
METRICS = ("VBM", "ALFF", "fALFF", "ReHo", "BOLD", "CBF", "FDG uptake")


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


class StyledForm(forms.BaseForm):
    """Gives each widget its Bootstrap class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            widget = field.widget
            if isinstance(widget, forms.CheckboxInput):
                widget.attrs.setdefault("class", "form-check-input")
            elif not widget.is_hidden:
                choice = isinstance(widget, forms.Select)
                widget.attrs.setdefault("class", "form-select" if choice else "form-control")
            if isinstance(field, forms.ModelChoiceField) and field.empty_label:
                field.empty_label = "Choose …"
            elif isinstance(widget, forms.Select) and widget.choices and not widget.choices[0][0]:
                widget.choices = [("", "Choose …"), *widget.choices[1:]]
            if isinstance(widget, forms.Textarea):
                widget.attrs["rows"] = 3


class VersionForm(StyledForm, forms.Form):
    """Only the version that is edited: for confirmations."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class ReopenForm(VersionForm):
    reason = forms.CharField(widget=forms.Textarea, max_length=500, help_text="Kept with the study.")


class CompleteForm(VersionForm):
    accepted = forms.CharField(required=False)


class StudyForm(StyledForm, forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Study
        fields = ("label", "year")

    def clean_label(self) -> str:
        """One blank between words, so that labels that look alike are alike."""
        return " ".join(self.cleaned_data["label"].split())


class ReportForm(StyledForm, forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Report
        fields = ("authors", "title", "year", "source", "doi", "language", "kind", "reference")
        widgets = {
            "authors": forms.TextInput,
            "title": forms.TextInput,
            "reference": forms.Textarea,
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
    label = forms.CharField(
        max_length=120, label="Study label", help_text="First author and year, with a letter if needed: Cao 2017a."
    )
    field_order = ("label", "authors", "title", "year", "source", "doi", "language", "kind", "reference")

    def clean_label(self) -> str:
        return " ".join(self.cleaned_data["label"].split())

    def report_values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self._meta.fields}


class CohortForm(StyledForm, forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Cohort
        fields = ("label", "identity", "note")
        widgets = {"note": forms.TextInput}
        labels = {"label": "Cohort", "identity": "Same people as"}
        help_texts = {
            "label": "Who was scanned, for example: PHN and controls, Shanghai 2014-2015.",
            "identity": "Only if these people were also scanned for another study: the same word in both, for example"
            " ruijin-2014. Letters, digits and hyphens.",
        }


class GroupForm(StyledForm, forms.ModelForm):
    class Meta:
        model = Group
        fields = GROUP_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["class"] += (
                " form-select-sm" if name in {"kind", "duration_unit"} else " form-control-sm"
            )
            if isinstance(field.widget, forms.NumberInput):
                field.widget.attrs |= {"min": "0", "step": "1" if name in {"n", "n_female"} else "any"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        n, women = cleaned.get("n"), cleaned.get("n_female")
        if n is not None and women is not None and women > n:
            self.add_error("n_female", f"{women} women of {n} people: correct one of the two.")
        stated = cleaned.get("duration_mean") is not None or cleaned.get("duration_sd") is not None
        if stated and not cleaned.get("duration_unit"):
            self.add_error("duration_unit", "Choose the unit of the duration, or “unit not stated”.")
        for name in ("age_mean", "age_sd", "education_mean", "education_sd", "duration_mean", "duration_sd"):
            if (cleaned.get(name) or 0) < 0:
                self.add_error(name, "This cannot be negative.")
        return cleaned

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in GROUP_FIELDS}


class GroupTable(forms.BaseInlineFormSet):
    """The groups of a cohort as rows; an untouched row is no group."""

    def edits(self) -> list[tuple[Group | None, dict[str, Any], bool]]:
        rows = []
        for form in self.forms:
            if not form.instance.pk and (not form.has_changed() or form in self.deleted_forms):
                continue
            rows.append((form.instance if form.instance.pk else None, form.values(), form in self.deleted_forms))
        return rows


GroupFormSet = forms.inlineformset_factory(Cohort, Group, form=GroupForm, formset=GroupTable, extra=2, can_delete=True)


class GroupChoice(forms.ModelChoiceField):
    def label_from_instance(self, group: Group) -> str:
        size = "n not stated" if group.n is None else f"n = {group.n}"
        return f"{group} ({size}), {group.cohort.label}"


class DatasetForm(StyledForm, forms.ModelForm):
    """A contrast in one metric, with the helper that turns a p threshold into t."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    p_one_tailed = forms.FloatField(required=False, label="p (one-tailed)")
    df = forms.FloatField(required=False, label="df", help_text="Empty: from the groups.")

    class Meta:
        model = Dataset
        fields = (
            "label", "comparison", "modality", "metric", "design", "group_a", "group_b", "software",
            "software_reported", "fwhm_mm", "space", "threshold_kind", "threshold_reported", "t_threshold", "note",
        )  # fmt: skip
        field_classes = {"group_a": GroupChoice, "group_b": GroupChoice}
        widgets = {"metric": Suggestions(METRICS), "note": forms.TextInput}
        labels = {
            "label": "Name within the study",
            "group_a": "Group A",
            "group_b": "Group B",
            "software_reported": "Software as reported",
            "fwhm_mm": "Smoothing FWHM (mm)",
            "space": "Space of the coordinates",
            "threshold_kind": "Threshold",
            "threshold_reported": "Threshold as reported",
            "t_threshold": "t threshold",
        }
        help_texts = {
            "label": "For example: PHN > controls, ALFF.",
            "group_a": "A positive peak says: higher in group A. After treatment comes before “before”.",
            "group_b": "Empty for one sample or a correlation.",
            "threshold_reported": "Word for word, for example: AlphaSim, voxel p < 0.001, cluster p < 0.05.",
            "t_threshold": "The |t| that a peak had to reach.",
        }

    def __init__(self, *args: Any, extraction: Extraction, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = Group.objects.filter(cohort__extraction=extraction).select_related("cohort")
        for name in ("group_a", "group_b"):
            self.fields[name].queryset = groups
        self.instance.extraction = extraction
        for name in ("fwhm_mm", "t_threshold", "p_one_tailed", "df"):
            self.fields[name].widget.attrs |= {"min": "0", "step": "any"}

    def clean_fwhm_mm(self) -> float | None:
        return self._positive("fwhm_mm", "This must be above 0 mm, or empty when not reported.")

    def clean_t_threshold(self) -> float | None:
        return self._positive("t_threshold", "It is a size: above 0, or empty when it cannot be known.")

    def _positive(self, name: str, sentence: str) -> float | None:
        value = self.cleaned_data[name]
        if value is not None and value <= 0:
            raise ValidationError(sentence)
        return value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first, second, design = cleaned.get("group_a"), cleaned.get("group_b"), cleaned.get("design")
        if design == Dataset.Design.TWO_SAMPLE and second is None and "group_b" not in self.errors:
            self.add_error("group_b", "A comparison of two samples needs its second group.")
        if first and second and first == second:
            self.add_error("group_b", "Group A and group B are the same group.")
        if first and second and first.cohort_id != second.cohort_id:
            self.add_error("group_b", "Both groups must belong to one cohort: move them there first.")
        return cleaned

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self._meta.fields}

    def computed_threshold(self) -> float:
        """The t of the typed p, with the typed df or that of the groups; ValidationError says what is missing."""
        self.full_clean()
        p, df = self.cleaned_data.get("p_one_tailed"), self.cleaned_data.get("df")
        df = df if df is not None else self._df_of_groups()
        if p is None or df is None:
            raise ValidationError("Type p (one-tailed), and df or choose groups with their n.")
        try:
            return t_threshold(p, df)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def _df_of_groups(self) -> float | None:
        first, second = self.cleaned_data.get("group_a"), self.cleaned_data.get("group_b")
        two = self.cleaned_data.get("design") == Dataset.Design.TWO_SAMPLE
        sizes = [group.n for group in ((first, second) if two else (first,)) if group is not None]
        if not sizes or None in sizes or len(sizes) < 1 + two:
            return None
        return float(sum(sizes) - len(sizes) - (self.cleaned_data.get("design") == Dataset.Design.CORRELATION))
