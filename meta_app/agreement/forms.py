"""What the compare page sends: a decision, a letter, a reason."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from meta_app.agreement.models import Difference, Letter
from meta_app.agreement.selectors import PEAK_GROUPS
from meta_app.agreement.trees import choices_of
from meta_app.common.exceptions import UserError
from meta_app.common.forms import StyledForm
from meta_app.extraction.domain import FIELDS
from meta_app.extraction.form_domain import FormField
from meta_app.extraction.parsers import is_blank, read_number, read_row
from meta_app.extraction.serializers import LONGEST_CELL

LARGEST_VERSION = 2**31 - 1
NOT_DECIDED = "Nothing was decided: mend the value."


class VersionForm(forms.Form):
    version = forms.IntegerField(min_value=1, max_value=LARGEST_VERSION)


class DecisionForm(VersionForm):
    choice = forms.ChoiceField(choices=Difference.Choice.choices)
    reason = forms.CharField(max_length=1000, required=False)


class DoubtForm(forms.Form):
    path = forms.CharField(max_length=400)


class MissedForm(forms.Form):
    dataset = forms.CharField(max_length=400)
    reason = forms.CharField(max_length=1000)
    expected = forms.IntegerField(min_value=0, max_value=LARGEST_VERSION)


class ReasonForm(VersionForm):
    reason = forms.CharField(max_length=500)


class BulkForm(forms.Form):
    choice = forms.ChoiceField(choices=[("A", "A"), ("B", "B")])
    section = forms.CharField(max_length=200)
    group = forms.ChoiceField(choices=[("", ""), *PEAK_GROUPS.items()], required=False)
    expected = forms.IntegerField(min_value=1, max_value=LARGEST_VERSION)


class LetterForm(StyledForm, forms.Form):
    version = forms.IntegerField(min_value=1, max_value=LARGEST_VERSION, widget=forms.HiddenInput)
    direction = forms.ChoiceField(choices=Letter.Direction.choices)
    on = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    text = forms.CharField(max_length=5000, required=False)

    def clean_on(self) -> Any:
        return self.cleaned_data["on"] or timezone.localdate()


def sentence_of(form: forms.Form) -> str:
    """What is wrong with a form, field by field, in one sentence."""
    return "Nothing was saved. " + " ".join(
        f"{name.replace('_', ' ').capitalize()}: {' '.join(errors)}" for name, errors in form.errors.items()
    )


# Another value than A's and B's


def read_other_value(asked: FormField, data: Mapping[str, Any]) -> Any:
    """The value that was typed in place of A's and B's; None says that the paper does not report it.

    Raises
    ------
    UserError
        Naming what is wrong with it.
    """
    text = str(data.get("value", "")).strip()
    if asked.kind == "scales":
        return [_read_scale(line) for line in text.splitlines() if line.strip()]
    if is_blank(text):
        if asked.required:
            raise _wrong(f"{asked.label} must have a value.")
        return None
    if asked.kind == "quantity":
        return {"value": _number(asked, text), "unit": _chosen(asked, str(data.get("unit", "")), asked.units)}
    readers = {"integer": _whole_number, "number": _number, "choice": _choice, "yes_no": _yes_no}
    return readers[asked.kind](asked, text) if asked.kind in readers else text


def _wrong(message: str) -> UserError:
    return UserError(f"{NOT_DECIDED} {message}", {"value": message})


def _number(asked: FormField, text: str) -> float:
    cell = read_number(text, "statistic")
    if cell.problem is not None or not isinstance(cell.value, float):
        mend = cell.problem.mend if cell.problem else "Type a number."
        raise _wrong(f"{asked.label}: “{text}” is not a number here. {mend}")
    if asked.lowest is not None and cell.value < asked.lowest:
        raise _wrong(f"{asked.label}: {cell.value:g} is below {asked.lowest:g}.")
    return cell.value


def _whole_number(asked: FormField, text: str) -> int:
    number = _number(asked, text)
    if number < 0 or number != int(number) or number > LARGEST_VERSION:
        raise _wrong(f"{asked.label}: “{text}” is not a whole number from 0 on.")
    return int(number)


def _choice(asked: FormField, text: str) -> str:
    return _chosen(asked, text, choices_of(asked))


def _chosen(asked: FormField, text: str, among: Any) -> str:
    if text not in among:
        raise _wrong(f"{asked.label}: choose one of the list.")
    return text


def _yes_no(asked: FormField, text: str) -> bool:
    return _chosen(asked, text, ("yes", "no")) == "yes"


def _read_scale(line: str) -> dict[str, Any]:
    """name | when | mean | SD | lowest | highest"""
    parts = [part.strip() for part in line.split("|")]
    if not parts[0] or len(parts) > 6:
        raise _wrong(f"“{line}”: type name | when | mean | SD | lowest | highest, one scale to a line.")
    texts = dict(zip(("name", "when", "mean", "sd", "lowest", "highest"), [*parts, *[""] * 6], strict=False))
    asked = FormField("scale", parts[0], "group", "Illness", "number")
    numbers = {key: None if is_blank(texts[key]) else _number(asked, texts[key]) for key in list(texts)[2:]}
    return {"name": texts["name"], "when": texts["when"], **numbers}


def typed_cells(data: Mapping[str, Any]) -> dict[str, str]:
    """The cells of a row as the page sends them; those that are empty left out.

    Raises
    ------
    UserError
        One is longer than a cell of the grid.
    """
    texts = {name: str(data.get(f"cell_{name}", "")).strip() for name in FIELDS}
    long = {name: f"At most {LONGEST_CELL:,} characters." for name, text in texts.items() if len(text) > LONGEST_CELL}
    if long:
        raise UserError(f"Nothing was saved: {', '.join(long)} must be shorter.", long)
    return {name: text for name, text in texts.items() if text}


def read_other_peak(data: Mapping[str, Any], default_space: str) -> dict[str, str]:
    """The cells of a row typed in place of A's and B's, read as the grid reads them."""
    cells = typed_cells(data)
    problems = [problem for problem in read_row(cells, default_space).problems if problem.level == "error"]
    if problems:
        sentences = " ".join(f"{problem.field}: {problem.message} {problem.mend}" for problem in problems)
        raise UserError(f"{NOT_DECIDED} {sentences}", {problem.field: problem.message for problem in problems})
    return cells
