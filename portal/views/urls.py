"""The addresses of the desk."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from portal.views import (
    charger,
    chargers,
    commands,
    configuration,
    log,
    overview,
    palette,
    security,
    sessions,
    sites,
    system,
    tokens,
)

urlpatterns = [
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
    path("chargers/<str:identity>/security/", security.security, name="charger-security"),
    path("chargers/<str:identity>/security/password/", security.new_password, name="charger-password"),
    path("chargers/<str:identity>/security/rotate/", security.rotate_password, name="charger-rotate"),
    path("chargers/<str:identity>/security/renew/", security.renew_certificate, name="charger-renew"),
    path(
        "chargers/<str:identity>/security/revoke/<int:request_id>/",
        security.revoke_certificate,
        name="charger-revoke",
    ),
    path("chargers/<str:identity>/security/raise/", security.raise_profile, name="charger-raise"),
    path("chargers/<str:identity>/security/raise/stop/", security.stop_raising, name="charger-raise-stop"),
    path("charger-ca.pem", security.root_certificate, name="charger-ca"),
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
