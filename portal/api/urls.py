"""`/api/v1/…`: every address of the REST interface."""

from __future__ import annotations

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from portal.api.capacity_signals import CapacitySignals, OneCapacitySignal
from portal.api.channels import IssueChannels, Tellings
from portal.api.chargers import Chargers
from portal.api.charging_hours import ChargingHours
from portal.api.charging_profiles import ChargingProfiles
from portal.api.commands import ChargerCommands, Commands
from portal.api.configuration_rollouts import ConfigurationRollouts
from portal.api.configuration_standings import ConfigurationStandings
from portal.api.configuration_templates import ConfigurationTemplates
from portal.api.docs import Docs, Schema
from portal.api.entrance import Entrance, Nowhere
from portal.api.firmware_campaigns import CampaignChargers, FirmwareCampaigns
from portal.api.firmware_images import FirmwareImages
from portal.api.id_tokens import IdTokens
from portal.api.installed import ExternalLimits, Needs, Profiles, Reservations
from portal.api.issue_rules import IssueRules
from portal.api.issues import Issues
from portal.api.lead import SiteLead
from portal.api.logs import Logs
from portal.api.messages import ChargerMessages
from portal.api.meter_values import SessionMeterValues
from portal.api.notices import ChargerNotices
from portal.api.passwords import ChargerPassword
from portal.api.power import BuildingLoad, EnergyPrices, SitePower
from portal.api.probes import OneProbe, Probes, Trust
from portal.api.sessions import Sessions
from portal.api.sites import Sites
from portal.api.tariffs import DefaultTariff, SiteTariff
from portal.api.told import Alerts, Certificates, CustomerRecords, DisplayMessages, Monitors

app_name = "api"

router = SimpleRouter(use_regex_path=False)
router.register("chargers", Chargers, basename="charger")
router.register("charging-profiles", ChargingProfiles, basename="charging-profile")
router.register("commands", Commands, basename="command")
router.register("configuration-templates", ConfigurationTemplates, basename="configuration-template")
router.register("configuration-standings", ConfigurationStandings, basename="configuration-standing")
router.register("configuration-rollouts", ConfigurationRollouts, basename="configuration-rollout")
router.register("issues", Issues, basename="issue")
router.register("issue-channels", IssueChannels, basename="issue-channel")
router.register("issue-rules", IssueRules, basename="issue-rule")
router.register("issue-tellings", Tellings, basename="issue-telling")
router.register("sessions", Sessions, basename="session")
router.register("id-tokens", IdTokens, basename="id-token")
router.register("firmware-campaigns", FirmwareCampaigns, basename="firmware-campaign")
router.register("firmware-images", FirmwareImages, basename="firmware-image")
router.register("logs", Logs, basename="log")
router.register("sites", Sites, basename="site")

urlpatterns = [
    path("", Entrance.as_view(), name="entrance"),
    path("", include(router.urls)),
    path("chargers/<str:identity>/commands/", ChargerCommands.as_view(), name="charger-commands"),
    path("chargers/<str:identity>/hours/", ChargingHours.as_view(), name="charger-hours"),
    path("chargers/<str:identity>/messages/", ChargerMessages.as_view(), name="charger-messages"),
    path("chargers/<str:identity>/notices/", ChargerNotices.as_view(), name="charger-notices"),
    path("chargers/<str:identity>/password/", ChargerPassword.as_view(), name="charger-password"),
    path("chargers/<str:identity>/alerts/", Alerts.as_view(), name="charger-alerts"),
    path("chargers/<str:identity>/certificates/", Certificates.as_view(), name="charger-certificates"),
    path("chargers/<str:identity>/charging-needs/", Needs.as_view(), name="charger-charging-needs"),
    path("chargers/<str:identity>/customer-records/", CustomerRecords.as_view(), name="charger-customer-records"),
    path("chargers/<str:identity>/display-messages/", DisplayMessages.as_view(), name="charger-display-messages"),
    path("chargers/<str:identity>/external-limits/", ExternalLimits.as_view(), name="charger-external-limits"),
    path("chargers/<str:identity>/monitors/", Monitors.as_view(), name="charger-monitors"),
    path("chargers/<str:identity>/profiles/", Profiles.as_view(), name="charger-profiles"),
    path("chargers/<str:identity>/reservations/", Reservations.as_view(), name="charger-reservations"),
    path(
        "firmware-campaigns/<int:pk>/chargers/",
        CampaignChargers.as_view({"get": "list"}),
        name="firmware-campaign-chargers",
    ),
    path("sessions/<int:pk>/meter-values/", SessionMeterValues.as_view(), name="session-meter-values"),
    path("sites/<int:pk>/power/", SitePower.as_view(), name="site-power"),
    path("sites/<int:pk>/lead/", SiteLead.as_view(), name="site-lead"),
    path("sites/<int:pk>/building-load/", BuildingLoad.as_view(), name="site-building-load"),
    path("sites/<int:pk>/capacity-signals/", CapacitySignals.as_view(), name="site-capacity-signals"),
    path("sites/<int:pk>/capacity-signals/<int:signal>/", OneCapacitySignal.as_view(), name="site-capacity-signal"),
    path("sites/<int:pk>/energy-prices/", EnergyPrices.as_view(), name="site-energy-prices"),
    path("sites/<int:pk>/probes/", Probes.as_view(), name="site-probes"),
    path("sites/<int:pk>/probes/<int:probe>/", OneProbe.as_view(), name="site-probe"),
    path("sites/<int:pk>/trust/", Trust.as_view(), name="site-trust"),
    path("sites/<int:pk>/tariff/", SiteTariff.as_view(), name="site-tariff"),
    path("tariff/", DefaultTariff.as_view(), name="tariff"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", Docs.as_view(), name="docs"),
    re_path("", Nowhere.as_view()),
]
