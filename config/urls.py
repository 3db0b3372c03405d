"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from decisions.views import account, delegations, desk, notices, settings, verifying

urlpatterns = [
    path("", desk.desk, name="desk"),
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("sign-in/demo/", account.demo_sign_in, name="demo_sign_in"),
    path("sign-out/", account.SignOut.as_view(), name="logout"),
    path("theme/", account.theme, name="theme"),
    path("verify/", verifying.verify, name="verify"),
    path("verify/seals.pem", verifying.seals, name="verify_seals"),
    path("verify/program.zip", verifying.program, name="verify_program"),
    path("decisions/", include("decisions.urls")),
    path("notices/", notices.notices, name="notices"),
    path("notices/read/", notices.read_notices, name="read_notices"),
    path("notices/<int:pk>/", notices.notice, name="notice"),
    path("mail/", notices.mail, name="mail"),
    path("mail/<int:pk>/", notices.message, name="message"),
    path("settings/", settings.settings, name="settings"),
    path("unsubscribe/<str:token>/", settings.unsubscribe, name="unsubscribe"),
    path("delegations/", delegations.delegations, name="delegations"),
    path("delegations/<int:pk>/accept/", delegations.accept, name="accept_delegation"),
    path("delegations/<int:pk>/end/", delegations.end, name="end_delegation"),
    path("webhooks/", include("decisions.webhooks.urls")),
    path("endpoints/", include("evaluations.endpoints.urls")),
    path("", include("evaluations.urls")),
    path("admin/", admin.site.urls),
]
