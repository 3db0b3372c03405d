"""Addresses of endpoints."""

from django.urls import path

from evaluations.views import endpoints

app_name = "endpoints"
urlpatterns = [
    path("", endpoints.endpoints, name="list"),
    path("new/", endpoints.new, name="new"),
    path("<int:pk>/", endpoints.endpoint, name="endpoint"),
    path("<int:pk>/edit/", endpoints.edit, name="edit"),
    path("<int:pk>/test/", endpoints.test, name="test"),
    path("<int:pk>/archive/", endpoints.archive, name="archive"),
]
