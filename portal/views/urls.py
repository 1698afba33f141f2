"""The addresses of the desk."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from portal.views import (
    charger,
    chargers,
    commands,
    configuration,
    files,
    log,
    overview,
    palette,
    sessions,
    sites,
    system,
    tokens,
)

urlpatterns = [
    path("files/<str:token>/<str:name>", files.file_by_link, name="file-by-link"),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("", overview.overview, name="overview"),
    path("palette/", palette.palette, name="palette"),
    path("chargers/", chargers.chargers, name="chargers"),
    path("register-charger/", chargers.register, name="register-charger"),
    path("chargers/<str:identity>/", charger.now, name="charger"),
    path("chargers/<str:identity>/edit/", charger.edit, name="charger-edit"),
    path("chargers/<str:identity>/sessions/", charger.sessions, name="charger-sessions"),
    path("chargers/<str:identity>/commands/", commands.commands, name="charger-commands"),
    path("chargers/<str:identity>/configuration/", configuration.configuration, name="charger-configuration"),
    path("chargers/<str:identity>/configuration/<int:setting_id>/", configuration.setting, name="charger-setting"),
    path("chargers/<str:identity>/profiles/", charger.profiles, name="charger-profiles"),
    path("chargers/<str:identity>/firmware/", charger.firmware, name="charger-firmware"),
    path("chargers/<str:identity>/log/", log.log, name="charger-log"),
    path("chargers/<str:identity>/log/<int:exchange_id>/", log.exchange, name="charger-exchange"),
    path("chargers/<str:identity>/connection/", charger.connection, name="charger-connection"),
    path("chargers/<str:identity>/security/", charger.security, name="charger-security"),
    path("chargers/<str:identity>/security/password/", charger.new_password, name="charger-password"),
    path("commands/<uuid:command_id>/cancel/", commands.cancel, name="command-cancel"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/<int:session_id>/", sessions.session, name="session"),
    path("sessions/<int:session_id>/curve.json", sessions.curve, name="session-curve"),
    path("sites/", sites.sites, name="sites"),
    path("sites/new/", sites.edit, name="site-new"),
    path("sites/<int:site_id>/", sites.site, name="site"),
    path("sites/<int:site_id>/edit/", sites.edit, name="site-edit"),
    path("system/dead-letters/<int:letter_id>/replay/", system.replay, name="dead-letter-replay"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/new/", tokens.edit, name="token-new"),
    path("tokens/<int:token_id>/", tokens.edit, name="token"),
]
