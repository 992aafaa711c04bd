"""Pages."""

from django.urls import path

from meta_app.screening import views

app_name = "screening"
urlpatterns = [
    path("screening/", views.screening, name="screening"),
    path("prisma/", views.prisma, name="prisma"),
]
