"""What may be asked of the picture of slices: the same names as in the address of the page."""

from django import forms

from meta_app.results.domain import CORRECTIONS, HIGHEST_MM, LOWEST_MM, MAPS_BY_KEY


def _millimetres(axis: int) -> forms.FloatField:
    return forms.FloatField(min_value=LOWEST_MM[axis], max_value=HIGHEST_MM[axis], required=False)


class SliceForm(forms.Form):
    """Everything has a default; what is given must make sense."""

    map = forms.ChoiceField(choices=[(key, kind.title) for key, kind in MAPS_BY_KEY.items()], required=False)
    correction = forms.ChoiceField(choices=[(each.key, each.title) for each in CORRECTIONS], required=False)
    x = _millimetres(0)
    y = _millimetres(1)
    z = _millimetres(2)
    threshold = forms.FloatField(required=False)
    threshold_neg = forms.FloatField(required=False)
    clusters = forms.ChoiceField(choices=[("0", "all voxels"), ("1", "reported clusters")], required=False)
    colours = forms.ChoiceField(choices=[("warm-cool", "cool"), ("warm-winter", "winter")], required=False)
    side = forms.ChoiceField(
        choices=[("neurological", "left is left"), ("radiological", "left is right")], required=False
    )
