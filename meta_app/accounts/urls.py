"""Pages of a person's own account."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import path

from meta_app.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", login_not_required(LogoutView.as_view()), name="sign_out"),
    path("password/", views.Password.as_view(), name="password"),
    path("profile/", views.profile, name="profile"),
    path("profile/token/", views.token_renew, name="token_renew"),
    path("profile/token/revoke/", views.token_revoke, name="token_revoke"),
]
