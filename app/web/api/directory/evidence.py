"""Routes for the evidence of a subscriber, and for the erasure of a tenure."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from app.domain import actors
from app.domain.evidence import EvidenceRecord
from app.domain.refusals import RefusalReason
from app.services.management.owners import OwnerFilter
from app.services.management.tokens import Caller, Scope
from app.services.paging import PageRequest, SortOrder
from app.web.access import RowAccess, Sees
from app.web.answers import answer
from app.web.api.models import EvidenceOut, EvidencePageOut, VerificationOut
from app.web.dependencies import ManagementIn, MsisdnIn, ReasonIn, TenureIn, UpkeepIn, needs
from app.web.paging import end_of, timed_paging
from app.web.problems import ProblemError

router = APIRouter(prefix="/subscribers/{msisdn}", tags=["subscribers"])
_pages = timed_paging(SortOrder.ASC, "^[0-9]{1,9}$")
_MISSING = "X-Reason: say who asked for the erasure, in at least 5 visible characters; it is kept as evidence."


class ErasedOut(BaseModel):
    """A tenure of which only hashes are left."""

    msisdn: str
    status: Literal["erased"] = "erased"


@router.get("/evidence", summary="The evidence of a subscriber")
async def list_evidence(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("evidence", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
    part: Annotated[PageRequest, Depends(_pages)],
) -> EvidencePageOut:
    """The chain of the current tenure, oldest first: questions, answers and changes. The access is recorded."""
    await access.record(msisdn, tenure)
    page = await management.directory.evidence(OwnerFilter(msisdn, tenure), part)
    return EvidencePageOut(evidence=list(map(_evidence, page.items)), next_cursor=end_of(page))


def _evidence(record: EvidenceRecord) -> EvidenceOut:
    return answer(EvidenceOut, record, payload=json.loads(record.payload) if record.payload else None)


@router.get("/evidence/verify", summary="Verify the chain of evidence")
async def verify_evidence(
    msisdn: MsisdnIn,
    access: Annotated[RowAccess, Depends(Sees("evidence", Scope.CARE))],
    management: ManagementIn,
    tenure: TenureIn,
) -> VerificationOut:
    """Verifies the chain of the current tenure. ``first_bad`` numbers the first record that does not verify."""
    await access.record(msisdn, tenure)
    found = await management.directory.verify(msisdn, tenure)
    return VerificationOut(ok=found.ok, records=found.records, first_bad=found.first_bad, fault=found.violation)


@router.post("/tenures/{tenure}/erasure", summary="Erase a closed tenure")
async def erase_tenure(
    msisdn: MsisdnIn,
    tenure: Annotated[int, Path(ge=1, lt=2**31)],
    caller: Annotated[Caller, Depends(needs(Scope.ADMIN))],
    upkeep: UpkeepIn,
    reason: ReasonIn = None,
) -> ErasedOut:
    """For a request of the former customer, once their open matters and the retention have ended (409 before).

    Texts, evidence payloads and the tenure's records are deleted for good. The chain of hashes stays and verifies.
    ``X-Reason`` becomes evidence.
    """
    if reason is None:
        raise ProblemError(
            RefusalReason.REASON_MISSING,
            _MISSING,
        )
    await upkeep.erasure.erase(msisdn, tenure, actors.system(caller.name), reason)
    return ErasedOut(msisdn=msisdn)
