"""Firmware and diagnostics without signatures."""

from __future__ import annotations

from functools import partial

from portal.certify.registry import add, proves
from portal.certify.station16 import Station16

URL, WHEN = "https://files.example/firmware.bin", "2026-03-01T00:00:00.000Z"
UPDATE = (
    "update_firmware", {"url": URL, "retrieve_at": WHEN, "retries": 2, "retry_interval_s": 60}, "UpdateFirmware",
    {"location": URL, "retrieveDate": WHEN, "retries": 2, "retryInterval": 60},
)  # fmt: skip
LOGS = (
    "fetch_logs", {"kind": "diagnostics", "url": "ftp://files.example/in"}, "GetDiagnostics",
    {"location": "ftp://files.example/in"},
)  # fmt: skip


async def progress(s: Station16, *steps: str) -> None:
    for step in steps:
        await s.says("FirmwareStatusNotification", {"status": step})
        await s.sees_charger(firmware_status=step)


@proves("TC_044_1")
async def updated(s: Station16) -> None:
    await s.ordered(*UPDATE, {})
    await progress(s, "Downloading", "Downloaded")
    await s.shows("Unavailable")
    await progress(s, "Installing")
    await s.leaves()
    await s.connects()
    await s.boots(firmwareVersion="1.1.0")
    await s.shows("Available")
    await progress(s, "Installed")
    await s.sees_charger(firmware_version="1.1.0")


@proves("TC_044_2")
async def the_download_fails(s: Station16) -> None:
    await s.ordered(*UPDATE, {})
    await progress(s, "Downloading", "DownloadFailed")


@proves("TC_044_3")
async def the_installation_fails(s: Station16) -> None:
    await s.ordered(*UPDATE, {})
    await progress(s, "Downloading", "Downloaded")
    await s.shows("Unavailable")
    await progress(s, "Installing", "InstallationFailed")
    await s.shows("Available")
    await s.sees_charger(firmware_version="1.0.0")


async def diagnosed(end: str, s: Station16) -> None:
    await s.ordered(*LOGS, {"fileName": "log.zip"})
    for step in ("Uploading", end):
        await s.says("DiagnosticsStatusNotification", {"status": step})
        await s.sees_charger(diagnostics_status=step)


add("TC_045_1", partial(diagnosed, "Uploaded"))
add("TC_045_2", partial(diagnosed, "UploadFailed"))
