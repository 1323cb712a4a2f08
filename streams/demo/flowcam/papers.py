"""The text files of a generated run: context, summaries and classes, with what a real one also holds and nobody may see."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.demo.flowcam.run import RunPlan

#: Names that stand in a generated run's files and must never come out of a reader.
SECRETS = ("Erika Mustermann", "emustermann", "AN-4711")

#: Clock of the computer that is imitated: two hours before UTC's, as in summer in Central Europe.
LOCAL_OFFSET = dt.timedelta(hours=2)

_TIME = "%Y-%m-%d %H:%M:%S"


def write_context(plan: RunPlan) -> str:
    """Return the ``.ctx``; its two times are UTC."""
    ended_at = plan.started_at + dt.timedelta(seconds=plan.duration_s)
    width_px, height_px = plan.region_px
    lines = [
        "[Software]",
        "SoftwareName=VisualSpreadsheet",
        "SoftwareVersion=4.19.3",
        "CameraMagnification=10",
        f"SerialNo={SECRETS[2]}",
        "[General]",
        f"Technician={SECRETS[0]}",
        f"RunStartTime={plan.started_at.strftime(_TIME)}",
        f"RunEndTime={ended_at.strftime(_TIME)}",
        "[Camera]",
        f"AutoTriggerFlag={int(plan.mode == 'auto_image')}",
        "[CaptureReport]",
        f"ClassificationTemplate=C:\\Users\\{SECRETS[1]}\\Documents\\classes.ctf",
        "[Fluid]",
        "FlowCellType=FC100",
        f"FlowCellDepth={plan.depth_um:.0f}",
        f"FlowCellWidth={plan.width_um:.0f}",
        "UseManualVolume=0",
        "FluidVolumeImaged_ml=0.0000",
        "UseDilutionCalculation=1",
        f"SampleDilution={plan.dilution:g}",
        f"PumpFlowRate={plan.flow_rate_ml_min:.4f}",
        f"CalibrationConstant={plan.pixel_um:.4f}",
        "[CaptureRegion]",
        "AcceptableLeft=1",
        f"AcceptableRight={width_px}",
        "AcceptableTop=1",
        f"AcceptableBottom={height_px}",
        "[CaptureStats]",
        f"RawImageTotal={plan.frames}",
        f"RunTimeMilliSeconds={plan.duration_s * 1000:.0f}",
        f"SampleVolumeAspirated={plan.processed_ml + 0.0045:.6f}",
        "CalibrationFluidVolumeNonsample=0.0045",
        f"VolumeCF={plan.factor:.4f}",
        "IncludesVolumeCF=1",
        f"AutoTrigger={int(plan.mode == 'auto_image')}",
    ]
    return "\n".join(lines) + "\n"


def write_summary(plan: RunPlan) -> str:
    """Return the ``_summary.csv``; its time is local."""
    started = plan.started_at + LOCAL_OFFSET
    lines = [
        f"List File,{plan.name}.lst",
        f"Start Time,{started.strftime('%Y-%m-%d  %H:%M:%S')}",
        "",
        f"Count,{plan.particles}",
        f"Particles / ml,{plan.particles / plan.counted_ml:.0f}",
        "",
        f"Sample Volume Processed ml,{plan.processed_ml:.4g}",
        f"Sample Volume Imaged ml,{plan.imaged_ml:.4g}",
        "",
        f"Efficiency,{100 * plan.imaged_ml / plan.processed_ml:.1f}%",
        "",
        "Summary Stats,Mean,Min,Max,StdDev,% CV",
    ]
    return "\r\n".join(lines) + "\r\n"


def write_report(plan: RunPlan) -> str:
    """Return the ``_run_summary.txt``; its time is local."""
    started = plan.started_at + LOCAL_OFFSET
    mode = "AutoImage" if plan.mode == "auto_image" else "Trigger"
    lines = [
        "Run:",
        f"\tMode:  {mode}",
        f"\tSample Volume Processed: {plan.processed_ml:.4f} ml",
        f"\tFluid Volume Imaged: {plan.imaged_ml:.4f} ml",
        f"\tParticle Count: {plan.particles}",
        "",
        "Date/Time:",
        f"\tStart:  {started.strftime(_TIME)}",
    ]
    return "\r\n".join(lines) + "\r\n"


def write_classes(kinds: dict[str, list[int]]) -> str:
    """Return the ``.cla``: the particles of each kind, as filters of some person would have sorted them."""
    lines = ["v3", "1", f"{SECRETS[1]}_classes", str(len(kinds))]
    for label, numbers in kinds.items():
        path = f"C:\\Users\\{SECRETS[1]}\\filter\\{label}.flt"
        lines += [label, "OR", "1", path, str(len(numbers)), *map(str, numbers)]
    return "\n".join(lines) + "\n"
