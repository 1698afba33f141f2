"""Fault codes in plain words: what it means, what to do first, who can mend it. Pure; knows the codes and no tables.

Three vocabularies, the most exact first: the codes CX001 … of ChargeX's *Minimum Required Error Codes* (chargers of
OCPP 1.6 send them as vendorErrorCode, those of 2.x as techCode), the words that makers use in codes and texts of their
own, and the errorCode of OCPP 1.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from chargers.sentences import phrase

DRIVER, DESK, SITE, TECHNICIAN, GRID = (
    phrase("the driver"),
    phrase("you"),
    phrase("site contact"),
    phrase("technician"),
    phrase("electrician or grid operator"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """``is_dangerous``: nothing may be restarted from afar before somebody has looked at it.

    ``may_restart``: a restart often mends it, and nobody can come to harm by one that nobody has ordered.
    """

    cause: str  # completes "CP-1: …"
    first_step: str
    who: str
    is_dangerous: bool = False
    code: str = ""  # the one that told
    may_restart: bool = False


_RESET = phrase("Restart the charger once while no car charges; if it comes back, send a technician.")
_LOOK = phrase("Do not restart it. Take it out of service; a technician must measure first.")
_REPLUG = phrase("Ask the driver to unplug, wait until the connector is free, and plug in again.")

GROUND = Fault(phrase("ground failure: current flows to earth"), _LOOK, TECHNICIAN, True)
LOCK = Fault(
    phrase("the connector does not lock or unlock"),
    phrase("Try to unlock it once; then look for a bent or dirty latch."),
    TECHNICIAN,
)
HOT = Fault(
    phrase("it is too hot inside"),
    phrase("Leave it switched off until it has cooled; look at fans and filters."),
    TECHNICIAN,
    True,
)
OVER_CURRENT = Fault(phrase("its overcurrent protection has tripped"), _LOOK, TECHNICIAN, True)
OVER_VOLTAGE = Fault(
    phrase("the voltage is too high"), phrase("Ask whether other devices on site suffer too."), GRID, True
)
UNDER_VOLTAGE = Fault(phrase("the voltage is too low"), phrase("Ask whether other devices on site suffer too."), GRID)
WEAK_SIGNAL = Fault(
    phrase("its mobile signal is weak"),
    phrase("See under Connection how often it drops; try another antenna or SIM."),
    TECHNICIAN,
)
EMERGENCY = Fault(
    phrase("its emergency stop was pressed"),
    phrase("Call the site: why was it pressed? Release it by hand, then restart."),
    SITE,
    True,
)
AUTHORIZATION = Fault(
    phrase("nobody authorized in time"), phrase("Nothing is broken; the driver presents the card again."), DRIVER
)
VEHICLE = Fault(
    phrase("the car is not ready to charge"),
    phrase("The driver looks into the car: gear in P, charging not delayed."),
    DRIVER,
)
CABLE_CHECK = Fault(phrase("the insulation test before charging failed"), _LOOK, TECHNICIAN, True)
PRECHARGE = Fault(phrase("the voltage of charger and car did not meet before charging"), _REPLUG, DRIVER)
NO_INTERNET = Fault(phrase("it has no way to the internet"), phrase("Call the site: router, SIM, cable."), SITE)
PILOT = Fault(phrase("the signal line to the car is disturbed"), _REPLUG, DRIVER)
POWER_LOSS = Fault(phrase("it has lost its supply"), phrase("Call the site: fuse, meter, grid."), SITE)
CONTACTOR = Fault(phrase("its contactor does not open or close"), _LOOK, TECHNICIAN, True)
CABLE_HOT = Fault(
    phrase("the cable is too hot"),
    phrase("Leave it out of service until somebody has looked at plug and cable."),
    TECHNICIAN,
    True,
)
PLUG = Fault(phrase("the plug is not all the way in"), _REPLUG, DRIVER)
CABLE = Fault(
    phrase("the cable is damaged or cut"),
    phrase("Take it out of service; look whether copper is bare."),
    TECHNICIAN,
    True,
)
METER = Fault(
    phrase("it cannot read its meter"),
    phrase("Restart it once; until then what it charges cannot be billed."),
    TECHNICIAN,
    may_restart=True,
)
READER = Fault(
    phrase("its card reader does not work"),
    phrase("Drivers can be started from here; restart it when it is free."),
    TECHNICIAN,
    may_restart=True,
)
INTERNAL = Fault(phrase("an internal error"), _RESET, TECHNICIAN, may_restart=True)
EV_TALK = Fault(phrase("it and the car do not understand each other"), _REPLUG, DRIVER)
OPENED = Fault(
    phrase("its door is open, or it was moved"),
    phrase("Call the site: is somebody working on it, was it hit?"),
    SITE,
    True,
)
UNKNOWN = Fault(phrase("it reports a fault without saying which"), _RESET, TECHNICIAN)

OCPP: dict[str, Fault] = {
    "connectorlockfailure": LOCK,
    "evcommunicationerror": EV_TALK,
    "groundfailure": GROUND,
    "hightemperature": HOT,
    "internalerror": INTERNAL,
    "locallistconflict": Fault(
        phrase("its list of cards contradicts our answer"),
        phrase("Send it the local list again (Commands, Local list)."),
        DESK,
    ),
    "mode3error": EV_TALK,  # OCPP 1.5
    "overcurrentfailure": OVER_CURRENT,
    "overvoltage": OVER_VOLTAGE,
    "powermeterfailure": METER,
    "powerswitchfailure": CONTACTOR,
    "readerfailure": READER,
    "resetfailure": Fault(
        phrase("it could not restart"), phrase("Try a hard reset once; then switch its fuse off and on."), SITE
    ),
    "undervoltage": UNDER_VOLTAGE,
    "weaksignal": WEAK_SIGNAL,
}
CHARGEX: dict[str, Fault] = {
    "CX001": LOCK, "CX002": GROUND, "CX003": HOT, "CX004": OVER_CURRENT, "CX005": OVER_VOLTAGE, "CX006": UNDER_VOLTAGE,
    "CX007": WEAK_SIGNAL, "CX008": EMERGENCY, "CX009": AUTHORIZATION, "CX010": VEHICLE, "CX011": CABLE_CHECK,
    "CX012": PRECHARGE, "CX013": NO_INTERNET, "CX014": PILOT, "CX015": POWER_LOSS,
    "CX016": Fault(phrase("the car's contactor does not open or close"), _REPLUG, DRIVER),
    "CX017": CONTACTOR, "CX018": CABLE_HOT, "CX019": CABLE_HOT, "CX020": PLUG,
    "CX021": Fault(phrase("the car's capacitance against earth is too large"), _REPLUG, DRIVER),
    "CX022": Fault(phrase("the car's resistance against earth is too small"), _LOOK, TECHNICIAN, True),
    "CX023": PLUG, "CX024": Fault(phrase("voltage at the connector where there must be none"), _LOOK, TECHNICIAN, True),
    "CX025": Fault(phrase("the latch of the connector is broken"),
                   phrase("Take it out of service; the plug may be pulled under load."),
                   TECHNICIAN, True),
    "CX026": CABLE,
}  # fmt: skip
# What makers write in codes and texts of their own; the dangerous first.
WORDS: tuple[tuple[str, Fault], ...] = (
    (r"rcd|rcmu?|rdc.?dd|residual|ground.?f|earth.?(f|leak)|leakage|gfci|isolation|insulation", GROUND),
    (r"emergency|e.?stop|estop|not.?aus", EMERGENCY),
    (r"weld|contactor|relay.?(stuck|fault|fail)", CONTACTOR),
    (r"door|tamper|tilt|cover.?open", OPENED),
    (r"(cable|connector|plug|socket).*(temp|hot|heat)", CABLE_HOT),
    (r"over.?(temp|heat)|temp.*(high|over)|too.?hot|thermal", HOT),
    (r"over.?current|short.?circuit|fuse|mcb", OVER_CURRENT),
    (r"over.?volt", OVER_VOLTAGE),
    (r"under.?volt|phase.?(loss|missing)|brown.?out", UNDER_VOLTAGE),
    (r"power.?(loss|fail|outage)|mains", POWER_LOSS),
    (r"lock|latch|actuator", LOCK),
    (r"meter", METER),
    (r"rfid|reader|nfc", READER),
    (r"pilot|\bcp\b|iec.?61851|diode", PILOT),
    (r"\bslac\b|\bplc\b|15118|v2g|handshake", EV_TALK),
)
SAYS_NOTHING = {"", "0", "-", "none", "null", "noerror", "no error", "ok", "n/a"}
_WORDS = tuple((re.compile(pattern, re.IGNORECASE), fault) for pattern, fault in WORDS)
_CX = re.compile(r"\bCX0?(\d{2,3})\b", re.IGNORECASE)


def read(error_code: str, vendor_code: str = "", text: str = "") -> Fault:
    """What a charger's codes mean. The standard code rules, unless it says nothing (OtherError) or the other is exact.

    Of several meanings a dangerous one wins: a vendor's "RCD" under InternalError is a ground failure.
    """
    likely = _likeliest(error_code, vendor_code, text)
    if likely.is_dangerous:
        return likely
    known, _ = _understood(error_code, vendor_code, text)
    worst = next((fault for fault in known if fault.is_dangerous), None)
    return _of(worst, vendor_code or error_code) if worst else likely


def meanings(error_code: str, vendor_code: str = "", text: str = "") -> list[Fault] | None:
    """All that any part of what a charger says could mean; None if a part of it is beyond us.

    `read` says what is most likely; whoever acts without asking has to know the worst.
    """
    known, is_whole = _understood(error_code, vendor_code, text)
    return known if is_whole else None


def _likeliest(error_code: str, vendor_code: str, text: str) -> Fault:
    told = f"{vendor_code} {text}".strip()
    if match := _CX.search(told):
        code = f"CX{int(match[1]):03d}"
        if code in CHARGEX:
            return _of(CHARGEX[code], code)
    named = next((fault for pattern, fault in _WORDS if pattern.search(told)), None)
    standard = OCPP.get(error_code.strip().casefold())
    if named is not None and (standard in (None, INTERNAL) or (named.is_dangerous and not standard.is_dangerous)):
        return _of(named, vendor_code or text[:40])
    if standard is not None:
        return _of(standard, error_code)
    return _of(UNKNOWN, vendor_code or error_code)


def _understood(error_code: str, vendor_code: str, text: str) -> tuple[list[Fault], bool]:
    """What each part means, and whether each part means something."""
    standard = OCPP.get(error_code.strip().casefold())
    is_whole = standard is not None or error_code.strip().casefold() in {*SAYS_NOTHING, "othererror"}
    found = [standard] if standard else []
    for part in (vendor_code.strip(), text.strip()):
        if part.casefold() in SAYS_NOTHING or part.casefold() == error_code.strip().casefold():
            continue
        codes = [f"CX{int(number):03d}" for number in _CX.findall(part)]
        read_here = [CHARGEX[code] for code in codes if code in CHARGEX]
        read_here += [fault for pattern, fault in _WORDS if pattern.search(part)]
        is_whole = is_whole and bool(read_here) and all(code in CHARGEX for code in codes)
        found += read_here
    return found, is_whole


def _of(fault: Fault, code: str) -> Fault:
    return replace(fault, code=code)
