"""Forms of accounts. An account made here is called by its e-mail address, in small letters."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm
from django.template.loader import render_to_string

from videos.access.mail import post

# As long as a user name may be.
LONGEST = 150


class SignInForm(AuthenticationForm):
    """Takes the address in any case; a user name that an operator gave is taken as it is."""

    # One sentence for an address that has no account and for a wrong password.
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This address and this password do not go together. Check both.",
    }

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["username"].label = "E-mail address, or user name"

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        return name.lower() if "@" in name else name


class SignUpForm(forms.Form):
    """The address alone: the password is chosen where the mail's link leads."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=LONGEST,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class ResetForm(PasswordResetForm):
    """Django's, but for its label and who sends the mail."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["email"].label = "E-mail address"

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        post(to_email, "A new password for tvidz", render_to_string(email_template_name, context))
