"""Forms whose widgets carry Bootstrap's classes, so that templates need not."""

from collections.abc import Mapping
from typing import Any

from django import forms

from meta_app.common.texts import plain_line

CLASS_OF_WIDGET: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.RadioSelect, "choice-list"),
    (forms.CheckboxInput, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.Widget, "form-control"),
)


MOST_DIGITS = 18


def read_number(text: str) -> int | None:
    """The whole number that an address or a hidden field names; None if it is none that a database holds."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None


LONGEST_SEARCH = 200


def read_search(data: Mapping[str, str]) -> str:
    """The words that the search of a list asks for (`extraction/_search.html`)."""
    return data.get("q", "").strip()[:LONGEST_SEARCH]


class StyledForm(forms.BaseForm):
    """Mix in before `forms.Form` or `forms.ModelForm`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            css = next(name for kind, name in CLASS_OF_WIDGET if isinstance(field.widget, kind))
            field.widget.attrs["class"] = f"{css} {field.widget.attrs.get('class', '')}".strip()


class LineField(forms.CharField):
    """A name: names that look alike are alike."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return plain_line(text) if isinstance(text, str) else text


class LinesField(forms.CharField):
    """A list of sentences, typed one to a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(str(line) for line in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != self.to_python(data)
