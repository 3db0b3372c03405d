"""The form of all weights of a record."""

from collections.abc import Mapping
from typing import Any

from django import forms

from decisions.forms.base import CountersignForm
from decisions.forms.rows import FiniteFloatField
from decisions.weighing.table import HEAVIEST
from decisions.weights import WeightSheet, as_fields, field_of


class WeightsForm(CountersignForm):
    """A weight from 0 to 100 for each goal and each role that rates."""

    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, sheet: WeightSheet, *args: Any, **kwargs: Any) -> None:
        written = as_fields(sheet.weights) | {"token": sheet.token}
        super().__init__(*args, initial=written, **kwargs)
        self.sheet = sheet
        for key, name in sheet.names.items():
            self.fields[field_of(key)] = FiniteFloatField(
                label=name, min_value=0, max_value=HEAVIEST, required=False
            )

    @property
    def weights(self) -> dict[str, float]:
        """Return the weights that make sense, by row; what is left empty stays as it is saved."""
        if not self.is_bound:
            return {}
        self.is_valid()  # what makes sense is kept beside what doesn't
        found = {key: self.cleaned_data.get(field_of(key)) for key in self.sheet.weights}
        return {key: float(one) for key, one in found.items() if one is not None}


def tried(sheet: WeightSheet, asked: Mapping[str, Any]) -> WeightsForm:
    """Return the form of weights that an address asks to try; without any it is the saved ones."""
    named = any(field_of(key) in asked for key in sheet.weights)
    return WeightsForm(sheet, asked if named else None)
