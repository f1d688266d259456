"""A small operator with its SPs and services, and a customer with some subscriptions."""

from dataclasses import replace
from datetime import UTC, datetime

from app.domain.account import Brand, Language, Payment, Subscriber, SubscriberStatus
from app.domain.calendar import SHANGHAI
from app.domain.catalogue import Billing, CancelEffect, Catalogue, Service, ServiceProvider
from app.domain.subscriptions import FREE_PERIOD, Channel, Subscription, SubscriptionState, Terms

MSISDN = "+8613800138000"


def shanghai(text: str) -> datetime:
    """Return ``2026-03-02 10:00`` in Shanghai as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def provider(code: str, short_name: str) -> ServiceProvider:
    return ServiceProvider(code, short_name, short_name, "4008100000", own=code == "CMCC")


def service(
    code: str,
    name: str,
    fen: int,
    *,
    sp: str = "CMCC",
    effect: CancelEffect = CancelEffect.IMMEDIATE,
    billing: Billing = Billing.MONTHLY,
) -> Service:
    return Service(
        service_code=code,
        name=name,
        sp_code=sp,
        billing=billing,
        price_fen=fen,
        cancel_effect=effect,
        cancellable_by_sms=True,
        cancel_how=None,
        cancel_warning=None,
        order_keyword=code,
        on_offer=True,
        trial_days=0,
        visible=True,
    )


SERVICES = (
    service("CL", "彩铃", 500),
    service("HT", "和娱乐", 300, effect=CancelEffect.WITHIN_24H),
    service("SJB", "手机报", 300, sp="XINHUA", effect=CancelEffect.MONTH_END),
    service("TQ", "天气预报", 200, sp="MOJI"),
    service("LD", "来电提醒", 100),
    replace(
        service("KD", "宽带电视", 1990, effect=CancelEffect.MONTH_END),
        cancellable_by_sms=False,
        cancel_how="请拨打10086，或到营业厅办理",
    ),
    replace(service("FH", "和多号", 1000), cancel_warning="取消后副号将无法找回。", order_keyword="HDH"),
    replace(service("QQ", "亲情号", 300), cancel_warning="取消后号码不再保留"),
    replace(service("YYH", "音乐盒", 600), on_offer=False),
    service("YS", "影视365", 550),
    service("GS", "故事点播", 250, sp="XINHUA", effect=CancelEffect.MONTH_END, billing=Billing.PER_USE),
    service("MF", "天气提示", 0, effect=CancelEffect.MONTH_END, billing=Billing.FREE),
)
CATALOGUE = Catalogue.of(
    1,
    [provider("CMCC", "中国移动"), provider("XINHUA", "新华"), provider("MOJI", "墨迹")],
    list(SERVICES),
)

SUBSCRIBER = Subscriber(
    msisdn=MSISDN,
    tenure=1,
    brand=Brand.EASYOWN,
    vip=False,
    payment=Payment.PREPAID,
    balance_fen=3000,
    points=0,
    status=SubscriberStatus.ACTIVE,
    language=Language.ZH,
    plan=None,
    password_hash=None,
    created_at=shanghai("2020-01-01 10:00"),
)


def has(
    of: str | Service,
    started: str = "2025-12-01 10:00",
    *,
    in_plan: bool = False,
    trial_until: str | None = None,
    contract_until: str | None = None,
    price_fen: int | None = None,
) -> Subscription:
    of = CATALOGUE.services[of] if isinstance(of, str) else of
    return Subscription(
        id=f"subscription-{of.service_code}",
        service_code=of.service_code,
        state=SubscriptionState.TRIAL if trial_until else SubscriptionState.ACTIVE,
        in_plan=in_plan,
        started_at=shanghai(started),
        channel=Channel.SMS,
        terms=Terms(of.price_fen if price_fen is None else price_fen, of.billing, of.sp_code, of.cancel_effect),
        trial_ends_at=shanghai(trial_until) if trial_until else None,
        contract_until=shanghai(contract_until) if contract_until else None,
        free_until=shanghai(started) + FREE_PERIOD,
    )


# Listed as 1 彩铃, 2 和娱乐 (the operator's), 3 手机报, 4 天气预报 (of SPs), although 手机报 is the oldest.
FOUR = (
    has("CL", "2025-12-01 10:00"),
    has("HT", "2025-12-05 10:00"),
    has("SJB", "2025-06-01 10:00"),
    has("TQ", "2025-12-10 10:00"),
)
# FOUR, 5 来电提醒 in the plan, and 宽带电视, which SMS cannot end.
FIVE = (*FOUR, has("LD", "2025-01-01 10:00", in_plan=True), has("KD", "2025-01-01 10:00"))
