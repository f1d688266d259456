"""How the simulated network treats one handset: it goes before what holds for all, and before its number's fate."""

from fastapi import APIRouter

from app.domain.refusals import RefusalReason
from app.domain.simulation import MILLION, Fault, Reporting
from app.web.dependencies import NetworkIn
from app.web.problems import ProblemError
from app.web.simulator import number_of
from app.web.simulator_control import DeliveryIn, FaultsIn

router = APIRouter(prefix="/handsets/{msisdn}")


@router.get("/faults", summary="How sends to this handset alone are answered")
async def read_own_faults(msisdn: str, network: NetworkIn) -> FaultsIn:
    """404 if they are answered as those to all others. ``count`` is the number of sends that will still fail."""
    fault = (await network.own_conditions(number_of(msisdn))).fault
    if fault is None:
        raise ProblemError(
            RefusalReason.UNKNOWN, "This handset has no faults of its own; GET /simulator/faults tells those of all."
        )
    return FaultsIn(mode=fault.mode, rate=fault.rate, count=fault.count)


@router.put("/faults", summary="Set how sends to this handset alone are answered")
async def set_own_faults(msisdn: str, given: FaultsIn, network: NetworkIn) -> FaultsIn:
    """Until they are deleted, or all data are; mode ``ok``: always taken. They open no circuit for other handsets."""
    await network.set_own_fault(number_of(msisdn), Fault(given.mode, round(given.rate * MILLION), given.count))
    return given


@router.delete("/faults", status_code=204, summary="Answer sends to this handset as those to all others")
async def delete_own_faults(msisdn: str, network: NetworkIn) -> None:
    """A number with a fate has its fate again. There need not be any."""
    await network.set_own_fault(number_of(msisdn), None)


@router.get("/delivery", summary="The delivery report on messages to this handset alone")
async def read_own_delivery(msisdn: str, network: NetworkIn) -> DeliveryIn:
    """404 if it is as of all others. The setting for messages accepted from now on."""
    reporting = (await network.own_conditions(number_of(msisdn))).reporting
    if reporting is None:
        raise ProblemError(
            RefusalReason.UNKNOWN, "This handset has no report of its own; GET /simulator/delivery tells that of all."
        )
    return DeliveryIn(report=reporting.status, delay_seconds=reporting.delay_seconds)


@router.put("/delivery", summary="Set the delivery report on messages to this handset alone")
async def set_own_delivery(msisdn: str, given: DeliveryIn, network: NetworkIn) -> DeliveryIn:
    """Applies to messages accepted from now on."""
    await network.set_own_reporting(number_of(msisdn), Reporting(given.report, given.delay_seconds))
    return given


@router.delete("/delivery", status_code=204, summary="Report on messages to this handset as on those to all others")
async def delete_own_delivery(msisdn: str, network: NetworkIn) -> None:
    """Applies to messages accepted from now on. There need not be a report of its own."""
    await network.set_own_reporting(number_of(msisdn), None)
