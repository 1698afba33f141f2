"""The OpenAPI document and its page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from rest_framework.test import APIClient

from portal.api import docs

METHODS = {"get", "post", "patch", "put", "delete"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    import yaml

    file = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_clients_are_generated_from_these_names_so_they_stay(document):
    assert {name: operation["operationId"] for name, operation in operations(document).items()} == {
        "get /api/v1/": "listResources",
        "get /api/v1/chargers/": "listChargers",
        "post /api/v1/chargers/": "registerCharger",
        "get /api/v1/chargers/{identity}/": "getCharger",
        "patch /api/v1/chargers/{identity}/": "updateCharger",
        "delete /api/v1/chargers/{identity}/": "deleteCharger",
        "get /api/v1/chargers/{identity}/commands/": "listChargerCommands",
        "post /api/v1/chargers/{identity}/commands/": "sendCommand",
        "get /api/v1/chargers/{identity}/hours/": "listChargingHours",
        "get /api/v1/chargers/{identity}/messages/": "listChargerMessages",
        "get /api/v1/chargers/{identity}/notices/": "listChargerNotices",
        "post /api/v1/chargers/{identity}/password/": "setChargerPassword",
        "get /api/v1/commands/": "listCommands",
        "get /api/v1/commands/{id}/": "getCommand",
        "post /api/v1/commands/{id}/cancel/": "cancelCommand",
        "get /api/v1/configuration-templates/": "listConfigurationTemplates",
        "post /api/v1/configuration-templates/": "createConfigurationTemplate",
        "get /api/v1/configuration-templates/{id}/": "getConfigurationTemplate",
        "patch /api/v1/configuration-templates/{id}/": "updateConfigurationTemplate",
        "delete /api/v1/configuration-templates/{id}/": "deleteConfigurationTemplate",
        "post /api/v1/configuration-templates/{id}/apply/": "applyConfigurationTemplate",
        "get /api/v1/configuration-standings/": "listConfigurationStandings",
        "get /api/v1/configuration-rollouts/": "listConfigurationRollouts",
        "get /api/v1/configuration-rollouts/{id}/": "getConfigurationRollout",
        "get /api/v1/configuration-rollouts/{id}/writes/": "listConfigurationWrites",
        "post /api/v1/configuration-rollouts/{id}/pause/": "pauseConfigurationRollout",
        "post /api/v1/configuration-rollouts/{id}/resume/": "resumeConfigurationRollout",
        "post /api/v1/configuration-rollouts/{id}/cancel/": "cancelConfigurationRollout",
        "post /api/v1/configuration-rollouts/{id}/retry/": "retryConfigurationRollout",
        "post /api/v1/configuration-rollouts/{id}/take-back/": "takeBackConfigurationRollout",
        "get /api/v1/issues/": "listIssues",
        "get /api/v1/issues/{id}/": "getIssue",
        "post /api/v1/issues/{id}/acknowledge/": "acknowledgeIssue",
        "post /api/v1/issues/{id}/assign/": "assignIssue",
        "post /api/v1/issues/{id}/close/": "closeIssue",
        "post /api/v1/issues/{id}/comment/": "commentIssue",
        "post /api/v1/issues/{id}/snooze/": "snoozeIssue",
        "get /api/v1/issue-channels/": "listIssueChannels",
        "post /api/v1/issue-channels/": "createIssueChannel",
        "get /api/v1/issue-channels/{id}/": "getIssueChannel",
        "patch /api/v1/issue-channels/{id}/": "updateIssueChannel",
        "delete /api/v1/issue-channels/{id}/": "deleteIssueChannel",
        "post /api/v1/issue-channels/{id}/test/": "testIssueChannel",
        "get /api/v1/issue-rules/": "listIssueRules",
        "get /api/v1/issue-rules/{name}/": "getIssueRule",
        "patch /api/v1/issue-rules/{name}/": "updateIssueRule",
        "get /api/v1/issue-tellings/": "listTellings",
        "get /api/v1/issue-tellings/{id}/": "getTelling",
        "post /api/v1/issue-tellings/{id}/again/": "tellAgain",
        "get /api/v1/firmware-campaigns/": "listFirmwareCampaigns",
        "post /api/v1/firmware-campaigns/": "startFirmwareCampaign",
        "get /api/v1/firmware-campaigns/{id}/": "getFirmwareCampaign",
        "post /api/v1/firmware-campaigns/{id}/cancel/": "cancelFirmwareCampaign",
        "post /api/v1/firmware-campaigns/{id}/pause/": "pauseFirmwareCampaign",
        "post /api/v1/firmware-campaigns/{id}/resume/": "resumeFirmwareCampaign",
        "post /api/v1/firmware-campaigns/{id}/retry/": "retryFirmwareCampaign",
        "get /api/v1/firmware-campaigns/{id}/chargers/": "listFirmwareCampaignChargers",
        "get /api/v1/firmware-images/": "listFirmwareImages",
        "post /api/v1/firmware-images/": "addFirmwareImage",
        "get /api/v1/firmware-images/{id}/": "getFirmwareImage",
        "delete /api/v1/firmware-images/{id}/": "deleteFirmwareImage",
        "get /api/v1/logs/": "listLogs",
        "get /api/v1/logs/{id}/": "getLog",
        "delete /api/v1/logs/{id}/": "deleteLog",
        "get /api/v1/logs/{id}/download/": "downloadLog",
        "get /api/v1/sessions/": "listSessions",
        "get /api/v1/sessions/{id}/": "getSession",
        "post /api/v1/sessions/{id}/review/": "reviewSession",
        "post /api/v1/sessions/{id}/close/": "closeSession",
        "get /api/v1/sessions/{id}/meter-values/": "listSessionMeterValues",
        "get /api/v1/chargers/{identity}/alerts/": "listAlerts",
        "get /api/v1/chargers/{identity}/certificates/": "listInstalledCertificates",
        "get /api/v1/chargers/{identity}/charging-needs/": "listChargingNeeds",
        "get /api/v1/chargers/{identity}/customer-records/": "listCustomerRecords",
        "get /api/v1/chargers/{identity}/display-messages/": "listDisplayMessages",
        "get /api/v1/chargers/{identity}/external-limits/": "listExternalLimits",
        "get /api/v1/chargers/{identity}/monitors/": "listMonitors",
        "get /api/v1/chargers/{identity}/profiles/": "listInstalledProfiles",
        "get /api/v1/chargers/{identity}/reservations/": "listReservations",
        "get /api/v1/id-tokens/": "listIdTokens",
        "post /api/v1/id-tokens/": "createIdToken",
        "get /api/v1/id-tokens/{id}/": "getIdToken",
        "patch /api/v1/id-tokens/{id}/": "updateIdToken",
        "delete /api/v1/id-tokens/{id}/": "deleteIdToken",
        "get /api/v1/charging-profiles/": "listChargingProfiles",
        "post /api/v1/charging-profiles/": "createChargingProfile",
        "get /api/v1/charging-profiles/{id}/": "getChargingProfile",
        "patch /api/v1/charging-profiles/{id}/": "updateChargingProfile",
        "delete /api/v1/charging-profiles/{id}/": "deleteChargingProfile",
        "post /api/v1/charging-profiles/{id}/push/": "pushChargingProfile",
        "get /api/v1/charging-profiles/{id}/places/": "listChargingProfilePlaces",
        "get /api/v1/sites/": "listSites",
        "post /api/v1/sites/": "createSite",
        "get /api/v1/sites/{id}/": "getSite",
        "patch /api/v1/sites/{id}/": "updateSite",
        "delete /api/v1/sites/{id}/": "deleteSite",
        "get /api/v1/sites/{id}/lead/": "getSiteLead",
        "put /api/v1/sites/{id}/lead/": "leadSite",
        "get /api/v1/sites/{id}/power/": "getSitePower",
        "put /api/v1/sites/{id}/power/": "drawSitePower",
        "post /api/v1/sites/{id}/building-load/": "tellBuildingLoad",
        "get /api/v1/sites/{id}/capacity-signals/": "listCapacitySignals",
        "post /api/v1/sites/{id}/capacity-signals/": "limitSite",
        "get /api/v1/sites/{id}/capacity-signals/{signal}/": "getCapacitySignal",
        "patch /api/v1/sites/{id}/capacity-signals/{signal}/": "changeCapacitySignal",
        "delete /api/v1/sites/{id}/capacity-signals/{signal}/": "endCapacitySignal",
        "get /api/v1/sites/{id}/probes/": "listProbes",
        "post /api/v1/sites/{id}/probes/": "startProbe",
        "get /api/v1/sites/{id}/probes/{probe}/": "getProbe",
        "post /api/v1/sites/{id}/trust/": "trustAgain",
        "put /api/v1/sites/{id}/energy-prices/": "priceEnergy",
        "get /api/v1/sites/{id}/tariff/": "getSiteTariff",
        "put /api/v1/sites/{id}/tariff/": "setSiteTariff",
        "delete /api/v1/sites/{id}/tariff/": "withdrawSiteTariff",
        "get /api/v1/tariff/": "getDefaultTariff",
        "put /api/v1/tariff/": "setDefaultTariff",
        "delete /api/v1/tariff/": "withdrawDefaultTariff",
    }


def test_each_operation_tells_its_problems_and_how_to_come_in(document):
    for name, operation in operations(document).items():
        assert "application/problem+json" in operation["responses"]["default"]["content"], name
        assert {"apiKey": []} in operation["security"], name
        assert operation["summary"], name


def test_ordering_a_command_is_shown_by_example(document):
    body = operations(document)["post /api/v1/chargers/{identity}/commands/"]["requestBody"]
    values = [example["value"] for example in body["content"]["application/json"]["examples"].values()]
    assert {"action": "Reset", "payload": {"type": "Soft"}} in values


def test_the_guide_names_each_path(document, request):
    guide = (request.config.rootpath / "docs" / "rest.md").read_text()
    missing = [path for path in document["paths"] if path.removeprefix("/api/v1") not in guide]
    assert not missing


def test_the_document_is_served(client):
    answer = client.get("/api/v1/schema/")
    assert (answer.status_code, answer.json()["openapi"]) == (200, "3.1.0")


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_inline_script(client, settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    page = client.get("/api/v1/docs/")
    html = page.content.decode()
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert page.status_code == 200
    assert len(sources) == 5 and all(source.startswith("/") for source in sources)
    assert re.findall(r"<script(?![^>]*src=)|<style|onload=|style=", html) == []
    assert "script-src 'self'" in page["Content-Security-Policy"]
    script = client.get(sources[-1].replace("&amp;", "&"))
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/v1/schema/" in script.content


@pytest.mark.django_db
def test_the_entrance_leads_to_each_resource(api):
    for path in api.get("/api/v1/").json().values():
        assert get_resolver().resolve(path)


def test_the_reference_is_open_for_it_holds_no_secret():
    assert APIClient().get("/api/v1/schema/").status_code == 200


def test_the_document_is_made_once_for_everybody(client, db):
    """Of whoever asks, nobody has shown a key."""
    docs._document.cache_clear()
    first, second = (client.get("/api/v1/schema/", headers={"accept-language": tongue}) for tongue in ("en", "de"))
    assert first.json() == second.json() and first.json()["openapi"] == "3.1.0"
    assert docs._document.cache_info().misses == 1
