"""L: signed firmware, and firmware that a local controller publishes."""

from __future__ import annotations

from functools import partial

from portal.certify.keys import root
from portal.certify.orders import ASKED, Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import NO, OK
from portal.certify.station201 import Station201
from portal.certify.wire import Payload, now

URL, WHEN, LATER = "https://files.example/firmware.bin", "2026-03-01T00:00:00.000Z", "2036-03-02T00:00:00.000Z"
SIGNED = {"url": URL, "retrieve_at": WHEN, "certificate": root("firmware"), "signature": "c2lnbmF0dXJl"}
FIRMWARE = {
    "location": URL, "retrieveDateTime": WHEN, "signingCertificate": root("firmware"), "signature": "c2lnbmF0dXJl",
}  # fmt: skip
GOOD = ("Downloading", "Downloaded", "SignatureVerified")


def updates(**more: str) -> tuple[str, Payload, str, Payload]:
    wanted = {"retrieveDateTime": more.get("retrieve_at", WHEN), "installDateTime": more.get("install_at")}
    return "update_firmware", SIGNED | more, "UpdateFirmware", {"firmware": FIRMWARE | wanted}


async def progress(s: Station201, request_id: int, *steps: str) -> None:
    for step in steps:
        await s.says("FirmwareStatusNotification", {"status": step, "requestId": request_id})
        await s.sees_charger(firmware_status=step)


async def restarts_with(s: Station201, version: str, request_id: int) -> None:
    """The new firmware comes up and says so."""
    await s.leaves()
    await s.connects()
    station = {**s.BOOT["chargingStation"], "firmwareVersion": version}
    await s.boots(reason="FirmwareUpdate", chargingStation=station)
    await s.shows("Available")
    await progress(s, request_id, "Installed")
    await s.says("SecurityEventNotification", {"type": "FirmwareUpdated", "timestamp": now()})
    await s.sees_charger(firmware_version=version)


@proves("TC_L_01")
async def installed(s: Station201) -> None:
    heard = await s.ordered(*updates(), OK)
    await progress(s, heard["requestId"], *GOOD, "Installing", "InstallRebooting")
    await restarts_with(s, "2.1.0", heard["requestId"])


@proves("TC_L_02")
async def installed_later(s: Station201) -> None:
    heard = await s.ordered(*updates(install_at=LATER), OK)
    await progress(s, heard["requestId"], *GOOD, "InstallScheduled", "Installing", "InstallRebooting")
    await restarts_with(s, "2.1.0", heard["requestId"])


@proves("TC_L_03")
async def downloaded_later(s: Station201) -> None:
    heard = await s.ordered(*updates(retrieve_at=LATER), OK)
    await progress(s, heard["requestId"], "DownloadScheduled", *GOOD, "Installing", "InstallRebooting")
    await restarts_with(s, "2.1.0", heard["requestId"])


@proves("TC_L_13")
async def installed_after_a_session(s: Station201) -> None:
    await s.charges()
    heard = await s.ordered(*updates(), OK)
    await progress(s, heard["requestId"], *GOOD, "InstallScheduled")
    await s.shows("Unavailable", evse=2)
    await s.session(is_open=True)
    await s.is_told_to_stop()
    await s.ends("EVCommunicationLost", "Local", state="Idle")
    await s.shows("Unavailable")
    await progress(s, heard["requestId"], "Installing", "InstallRebooting")
    await restarts_with(s, "2.1.0", heard["requestId"])


prove("TC_L_04", Order(*updates(), {"status": "RevokedCertificate"}, "rejected"))
prove("TC_L_05", Order(*updates(), {"status": "InvalidCertificate"}, "rejected"))


async def fails(steps: tuple[str, ...], s: Station201) -> None:
    heard = await s.ordered(*updates(), OK)
    await progress(s, heard["requestId"], *steps)
    await s.sees_charger(firmware_version="2.0.0")


add("TC_L_07", partial(fails, ("Downloading", "DownloadFailed")))
add("TC_L_08", partial(fails, (*GOOD, "Installing", "InstallVerificationFailed")))
add("TC_L_09", partial(fails, (*GOOD, "Installing", "InstallationFailed")))


@proves("TC_L_06")
async def the_signature_is_bad(s: Station201) -> None:
    await fails(("Downloading", "Downloaded", "InvalidSignature"), s)
    await s.says("SecurityEventNotification", {"type": "InvalidFirmwareSignature", "timestamp": now()})


@proves("TC_L_10")
async def a_second_one_in_place_of_the_first(s: Station201) -> None:
    first = await s.ordered(*updates(), OK)
    await progress(s, first["requestId"], "Downloading")
    second = await s.ordered(*updates(), {"status": "AcceptedCanceled"})
    await progress(s, second["requestId"], *GOOD, "Installing", "InstallRebooting")
    await restarts_with(s, "2.2.0", second["requestId"])


@proves("TC_L_11")
async def a_second_one_refused_for_the_first(s: Station201) -> None:
    first = await s.ordered(*updates(), OK)
    await progress(s, first["requestId"], *GOOD, "Installing")
    await s.ordered(*updates(), NO, "rejected")
    await progress(s, first["requestId"], "InstallRebooting")
    await restarts_with(s, "2.1.0", first["requestId"])


# -- a local controller ------------------------------------------------------------------------------------------------

SUM = "0123456789abcdef0123456789abcdef"
PUBLISH = (
    "publish_firmware", {"url": URL, "checksum": SUM}, "PublishFirmware", {"location": URL, "checksum": SUM},
)  # fmt: skip
UNPUBLISH = ("unpublish_firmware", {"checksum": SUM}, "UnpublishFirmware", {"checksum": SUM})


def published(*steps: str) -> tuple[tuple[str, Payload], ...]:
    at = {"location": [URL]}
    return tuple(
        (
            "PublishFirmwareStatusNotification",
            {"status": step, "requestId": ASKED, **(at if step == "Published" else {})},
        )
        for step in steps
    )


prove("TC_L_17", Order(*PUBLISH, OK, then=published("Downloading", "Downloaded", "ChecksumVerified", "Published")))
prove("TC_L_19", Order(*PUBLISH, OK, then=published("Downloading", "Downloaded", "InvalidChecksum")))
prove("TC_L_20", Order(*PUBLISH, OK, then=published("Downloading", "Downloaded", "ChecksumVerified", "PublishFailed")))
prove("TC_L_24", Order(*PUBLISH, OK, then=published("Downloading", "DownloadFailed")))
prove("TC_L_21", Order(*UNPUBLISH, {"status": "Unpublished"}))
prove("TC_L_22", Order(*UNPUBLISH, {"status": "NoFirmware"}, "rejected"))
prove("TC_L_23", Order(*UNPUBLISH, {"status": "DownloadOngoing"}, "rejected"))
