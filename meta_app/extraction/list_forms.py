"""What a person sends to import a list and to deal studies out."""

import json
from typing import Any

from django import forms

from meta_app.accounts.models import User
from meta_app.extraction.list_parsers import FIELDS, MOST_ROWS, ListProblem, ListRow, StudyList
from meta_app.extraction.models import Study
from meta_app.extraction.selectors import POSITIONS


class ListForm(forms.Form):
    """A file, or lines typed or pasted; the file wins where both are there."""

    file = forms.FileField(required=False)
    text = forms.CharField(required=False, widget=forms.Textarea, max_length=2_000_000, strip=False)


class CheckedRowsField(forms.CharField):
    """The rows of a list between the preview and the import; they are read and checked again on the way back."""

    def to_python(self, value: Any) -> list[ListRow]:
        try:
            return [_row(item) for item in json.loads(super().to_python(value) or "")[:MOST_ROWS]]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise forms.ValidationError("Send the list again: what came back cannot be read.") from error


def _row(item: dict[str, Any]) -> ListRow:
    values = {key: str(item["values"].get(key, "")) for key in FIELDS}
    problems = tuple(ListProblem(int(item["number"]), *map(str, problem)) for problem in item.get("problems", ()))
    return ListRow(int(item["number"]), values, problems)


def rows_as_text(rows: list[ListRow]) -> str:
    """What `CheckedRowsField` reads."""
    items = [
        {
            "number": row.number,
            "values": {key: value for key, value in row.values.items() if value},
            "problems": [(problem.field, problem.message, problem.mend) for problem in row.problems],
        }
        for row in rows
    ]
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))


class CheckedListForm(forms.Form):
    rows = CheckedRowsField()
    kind = forms.CharField(max_length=10, required=False)

    def found(self) -> StudyList:
        return StudyList(self.cleaned_data["rows"], self.cleaned_data["kind"])

    def labels(self) -> dict[int, str]:
        """Labels typed in the preview, by number of row."""
        longest = Study._meta.get_field("label").max_length
        typed = {name[6:]: " ".join(text.split())[:longest] for name, text in self.data.items() if name[:6] == "label-"}
        return {int(number): text for number, text in typed.items() if number.isdecimal() and text}

    def wanted_repeats(self) -> set[int]:
        """Repeated rows that are to be imported all the same."""
        return {int(name[7:]) for name in self.data if name[:7] == "repeat-" and name[7:].isdecimal()}


class AssignForm(forms.Form):
    """Who gets place A and place B; an empty choice leaves the place as it is, "nobody" takes it back."""

    UNCHANGED, NOBODY = "", "0"

    def __init__(self, data: Any, *, people: list[User]) -> None:
        super().__init__(data)
        self.people = {str(person.pk): person for person in people}
        choices = [(self.UNCHANGED, "as it is"), (self.NOBODY, "nobody"), *self.people.items()]
        for position in POSITIONS:
            self.fields[position] = forms.ChoiceField(choices=choices, required=False)

    def reviewers(self) -> dict[str, User | None]:
        chosen = {position: self.cleaned_data[position] for position in POSITIONS}
        return {position: self.people.get(key) for position, key in chosen.items() if key != self.UNCHANGED}


class DealForm(forms.Form):
    seed = forms.IntegerField(min_value=0, max_value=2**31)

    def __init__(self, data: Any, *, people: list[User]) -> None:
        super().__init__(data)
        self.by_key = {str(person.pk): person for person in people}
        self.fields["people"] = forms.MultipleChoiceField(choices=list(self.by_key.items()))

    def choices(self) -> dict[str, Any]:
        return {
            "seed": self.cleaned_data["seed"],
            "people": [person for key, person in self.by_key.items() if key in self.cleaned_data["people"]],
        }
