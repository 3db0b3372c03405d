"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from decisions.views import account, desk

urlpatterns = [
    path("", desk.desk, name="desk"),
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("sign-in/demo/", account.demo_sign_in, name="demo_sign_in"),
    path("sign-out/", account.SignOut.as_view(), name="logout"),
    path("theme/", account.theme, name="theme"),
    path("decisions/", include("decisions.urls")),
    path("", include("evaluations.urls")),
    path("admin/", admin.site.urls),
]
