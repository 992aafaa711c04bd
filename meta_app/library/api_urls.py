"""JSON API."""

from django.urls import path

from meta_app.library.file_api import FileWithdrawalView, ReportFilesView

app_name = "api_library"
urlpatterns = [
    path("reports/<int:report_id>/files/", ReportFilesView.as_view(), name="files"),
    path("files/<int:file_id>/withdraw/", FileWithdrawalView.as_view(), name="file_withdraw"),
]
