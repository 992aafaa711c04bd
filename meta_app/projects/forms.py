"""Projects, protocols and members."""

from typing import Any

from django import forms

from meta_app.common.forms import LineField, LinesField, StyledForm
from meta_app.projects.domain import FIELDS, OPERATORS, Rule, rule_problem
from meta_app.projects.models import Project, Protocol, Role

UNITS = tuple(dict.fromkeys(unit for field in FIELDS.values() for unit in field.units))
RULE_COLUMNS = {"field": "What", "operator": "How", "value": "Value", "unit": "Unit", "words": "In words (optional)"}


class ProjectForm(StyledForm, forms.ModelForm):
    class Meta:
        model = Project
        fields = ["name", "question", "extractors_needed", "source_note"]
        field_classes = {"name": LineField}
        widgets = {
            "question": forms.Textarea({"rows": 3}),
            "extractors_needed": forms.RadioSelect,
            "source_note": forms.Textarea({"rows": 2}),
        }
        labels = {"extractors_needed": "Who extracts each study", "source_note": "Where the data comes from"}
        help_texts = {
            "name": "As it should stand on exports, for example “Postherpetic neuralgia, VBM and resting state”.",
            "question": "What the review asks, in a sentence or two.",
            "extractors_needed": "Holds for studies added from now on. Two is the usual rule for a published review.",
            "source_note": "Printed with every export, for example a repository and its licence.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["extractors_needed"].choices = Project._meta.get_field("extractors_needed").choices


class SettingsForm(ProjectForm):
    version = forms.IntegerField(widget=forms.HiddenInput)


class ProtocolForm(StyledForm, forms.ModelForm):
    """Edits the newest version into the next one; `version` names the one it started from, 0 for none."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    comparisons = LinesField(
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text="One to a line, first group minus second: patients > controls.",
    )
    modalities = LinesField(
        required=False, widget=forms.Textarea({"rows": 3}), help_text="One to a line: VBM, ALFF, fALFF, ReHo."
    )
    eligibility = LinesField(
        required=False,
        label="Criteria for people to read",
        widget=forms.Textarea({"rows": 4}),
        help_text="One to a line. What can be checked against the extracted values goes into the rows below.",
    )
    languages = LinesField(required=False, widget=forms.Textarea({"rows": 2}), help_text="One to a line.")

    class Meta:
        model = Protocol
        fields = [
            "question", "registration", "population", "comparisons", "modalities", "eligibility", "languages",
            "quality_instrument", "quality_cutoff", "thresholds", "change_reason",
        ]  # fmt: skip
        widgets = {name: forms.Textarea({"rows": 3}) for name in ("question", "population", "thresholds")} | {
            "change_reason": forms.Textarea({"rows": 2})
        }
        labels = {"quality_cutoff": "Quality cut-off (points)", "change_reason": "Why this changes"}
        help_texts = {
            "population": "Who was scanned, and compared with whom.",
            "quality_instrument": "The checklist by which studies are scored.",
            "quality_cutoff": "Studies with fewer points than this are excluded.",
            "thresholds": "What will count as a finding, for example voxel p < 0.005, SDM-Z > 1, at least 10 voxels.",
            "change_reason": "Goes into the history. Once work has begun a change is a deviation and readers ask why.",
        }
        error_messages = {
            "change_reason": {"required": "Say why: the protocol has a version already, so this is an amendment."}
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if str(self["version"].value() or 0) == "0":
            self.fields["change_reason"].widget = forms.HiddenInput()
        else:
            self.fields["change_reason"].required = True


class RuleForm(StyledForm, forms.Form):
    """A rule that is checked against what is extracted; an empty row is none."""

    field = forms.ChoiceField(choices=[("", "…"), *((key, rule.label) for key, rule in FIELDS.items())], required=False)
    operator = forms.ChoiceField(choices=[("", "…"), *OPERATORS.items()], required=False)
    value = forms.CharField(max_length=200, required=False)
    unit = forms.ChoiceField(choices=[("", "–"), *((unit, unit) for unit in UNITS)], required=False)
    words = forms.CharField(max_length=300, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in RULE_COLUMNS.items():
            self.fields[name].label = label
            self.fields[name].widget.attrs |= {"aria-label": f"{label}, rule {self.prefix}".replace("rules-", "")}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        typed = any(cleaned.get(name) for name in ("field", "operator", "value", "unit", "words"))
        problem = rule_problem(cleaned) if typed and not self.errors else None
        if problem:
            self.add_error(*problem)
        return cleaned

    @property
    def row(self) -> dict[str, str] | None:
        return Rule(**self.cleaned_data).as_row() if self.cleaned_data.get("field") else None


class RuleTable(forms.BaseFormSet):
    def rows(self) -> list[dict[str, str]]:
        return [row for form in self.forms if (row := form.row)]


RuleFormSet = forms.formset_factory(RuleForm, formset=RuleTable, extra=2, max_num=60)


def rule_forms(eligibility: list[Any] | None = None, data: Any = None) -> RuleTable:
    """The rows of rules, for a page (`eligibility`) or as sent (`data`)."""
    if data is not None:
        sent = data if "rules-TOTAL_FORMS" in data else {"rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}
        return RuleFormSet(sent, prefix="rules")
    return RuleFormSet(initial=[row for row in eligibility or [] if isinstance(row, dict)], prefix="rules")


class MemberForm(StyledForm, forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="The name the person signs in with. New people get an account from whoever runs this server.",
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.REVIEWER)


class RoleForm(StyledForm, forms.Form):
    role = forms.ChoiceField(choices=Role.choices)
    role_before = forms.ChoiceField(choices=Role.choices, widget=forms.HiddenInput)
