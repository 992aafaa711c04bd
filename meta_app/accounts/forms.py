"""Sign-in, password and profile."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from meta_app.accounts.models import User
from meta_app.common.forms import StyledForm


class SignInForm(StyledForm, AuthenticationForm):
    error_messages = {
        "invalid_login": "This user name and password do not belong together. Mind capital letters.",
        "inactive": "This account is switched off. Ask the person who runs this server.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"


class PasswordForm(StyledForm, PasswordChangeForm):
    pass


class ProfileForm(StyledForm, forms.ModelForm):
    class Meta:
        model = User
        fields = ["full_name", "email"]
        help_texts = {"full_name": "How others in your projects see you.", "email": "For the people you work with."}
