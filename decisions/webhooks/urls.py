"""Addresses of webhooks and their log."""

from django.urls import path

from decisions.views import webhooks

app_name = "webhooks"
urlpatterns = [
    path("", webhooks.webhooks, name="list"),
    path("new/", webhooks.new, name="new"),
    path("<int:pk>/", webhooks.webhook, name="webhook"),
    path("<int:pk>/edit/", webhooks.edit, name="edit"),
    path("<int:pk>/secret/", webhooks.renew, name="renew"),
    path("<int:pk>/switch/", webhooks.switch, name="switch"),
    path("<int:pk>/delete/", webhooks.delete, name="delete"),
    path("<int:pk>/test/", webhooks.test, name="test"),
    path("deliveries/<int:pk>/", webhooks.delivery, name="delivery"),
    path("deliveries/<int:pk>/again/", webhooks.again, name="again"),
]
