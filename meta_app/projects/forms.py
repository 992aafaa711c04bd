"""Projects, protocols and members."""

from typing import Any

from django import forms

from meta_app.common.forms import LinesField, StyledForm
from meta_app.projects.models import Project, Protocol, Role


class ProjectForm(StyledForm, forms.ModelForm):
    class Meta:
        model = Project
        fields = ["name", "question", "extractors_needed", "source_note"]
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
        label="Eligibility rules",
        widget=forms.Textarea({"rows": 7}),
        help_text="One rule to a line, worded so that it can be checked: at least 10 people in each group.",
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
        self.fields["change_reason"].required = str(self["version"].value() or 0) != "0"


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
