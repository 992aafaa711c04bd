"""Pages."""

from django.urls import path

from meta_app.screening import views

app_name = "screening"
urlpatterns = [
    path("screening/", views.screening, name="screening"),
    path("prisma/", views.prisma, name="prisma"),
    path("prisma/preview/", views.prisma_preview, name="prisma_preview"),
    path("prisma/diagram.<slug:kind>", views.prisma_download, name="prisma_download"),
]
