"""Signing in and out, the password and the profile."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from meta_app.accounts import selectors, services
from meta_app.accounts.forms import PasswordForm, ProfileForm, SignInForm


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(demo_user_names=selectors.demo_user_names(), **kwargs)


class Password(PasswordChangeView):
    template_name = "accounts/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("accounts:profile")

    def form_valid(self, form: PasswordForm) -> HttpResponse:
        answer = super().form_valid(form)
        had_token = services.token_revoke(user=self.request.user)
        token = " Your API token is revoked; make a new one for your scripts." if had_token else ""
        text = f"Your password is changed. Other browsers you were signed in on are signed out.{token}"
        messages.success(self.request, text)
        return answer


@never_cache
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    status = 400 if form.is_bound else 200
    return render(
        request, "accounts/profile.html", {"form": form, "token": selectors.api_token(request.user)}, status=status
    )


@require_POST
@never_cache
def token_renew(request: HttpRequest) -> HttpResponse:
    """Shows the new token once; the profile page shows only when it was made."""
    key = services.token_renew(user=request.user)
    return render(
        request,
        "accounts/profile.html",
        {"form": ProfileForm(instance=request.user), "token": selectors.api_token(request.user), "new_key": key},
    )


@require_POST
def token_revoke(request: HttpRequest) -> HttpResponse:
    services.token_revoke(user=request.user)
    messages.success(request, "Your API token is revoked. Scripts that used it are refused from now on.")
    return redirect("accounts:profile")
