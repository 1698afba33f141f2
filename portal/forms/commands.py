"""The table of forms: one line per command that people may give; pages and life come with it."""

from __future__ import annotations

from portal.forms import certificates, charging, monitoring, operate, upkeep
from portal.forms.command import CommandForm

FORMS: dict[str, type[CommandForm]] = {
    form.verb or "raw": form
    for form in (
        operate.StartSession,
        operate.StopSession,
        operate.UnlockConnector,
        operate.Reset,
        operate.ChangeAvailability,
        operate.ReserveNow,
        operate.CancelReservation,
        operate.TriggerMessage,
        charging.SetProfile,
        charging.ClearProfile,
        charging.CompositeSchedule,
        monitoring.ListProfiles,
        upkeep.GetConfiguration,
        upkeep.SendLocalList,
        upkeep.LocalListVersion,
        upkeep.ClearCache,
        upkeep.UpdateFirmware,
        upkeep.GetLog,
        certificates.ListCertificates,
        certificates.InstallCertificate,
        certificates.DeleteCertificate,
        monitoring.SetMonitor,
        monitoring.ClearMonitor,
        monitoring.MonitoringReport,
        monitoring.MonitoringBase,
        monitoring.MonitoringLevel,
        monitoring.ShowMessage,
        monitoring.ListMessages,
        monitoring.ClearMessage,
        monitoring.CustomerInformation,
        upkeep.DataTransfer,
        upkeep.Raw,
    )
}
