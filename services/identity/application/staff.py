"""Staff accounts: the first with a one-time secret from the machine itself, the others by whoever has the role security."""

import hmac
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from services.chassis.attempts import Count
from services.chassis.context import Principal
from services.chassis.db import RequestKey, Transaction
from services.chassis.emails import email_key, parse_email
from services.chassis.errors import AlreadyExists, Forbidden, Invalid, Refused
from services.chassis.ids import new_id
from services.chassis.limits import spend
from services.chassis.secret_files import write_once
from services.chassis.telemetry import logger
from services.identity import audit, repository
from services.identity.application.core import Core
from services.identity.domain.accounts import STAFF_ROLES, Account, Mistakes, parse_name, parse_roles
from services.identity.domain.attempts import BOOTSTRAP
from services.identity.domain.passwords import check_password

SECRET_FILE = "bootstrap-staff.secret"
MOST_NAMES = 200
"""Names that one call may ask for."""


def ensure_bootstrap_secret(core: Core, keys_dir: Path) -> None:
    """Leaves the one-time secret for the first staff account while there is none; takes it away once there is one.

    Raises SettingsError when it is needed, is not in the folder of keys, and cannot be written there.
    """
    path = keys_dir / SECRET_FILE
    with core.database.read() as connection:
        needed = not repository.staff_exists(connection)
    if not needed:
        _take_away(path)
    elif not path.exists():
        write_once(path, f"{secrets.token_urlsafe(32)}\n".encode())


def _take_away(path: Path) -> None:
    """A used secret opens nothing any more; in a folder that is mounted read-only it has to stay."""
    try:
        path.unlink(missing_ok=True)
    except OSError as wrong:
        logger().info("bootstrap_secret_stays", file=path.name, reason=wrong.strerror)


def bootstrap_staff(core: Core, keys_dir: Path, *, secret: str, email: str, password: str, name: str) -> Account:
    """The first staff account, with every role. Raises Refused once there is one, Forbidden for a wrong secret."""
    path = keys_dir / SECRET_FILE
    with core.database.write() as tx:
        spend(tx, [Count(BOOTSTRAP, "")], "Too many attempts with the one-time secret: try again in {wait}.")
    expected = path.read_text(encoding="ascii").strip() if path.exists() else ""
    with core.database.read() as connection:
        _refuse_second_bootstrap(repository.staff_exists(connection))
    if not expected or not hmac.compare_digest(expected.encode(), secret.strip().encode()):
        raise Forbidden(
            f"The one-time secret is not right: it is in the file {SECRET_FILE} of the keys folder.", "BOOTSTRAP_SECRET"
        )
    make = _prepare(core, email=email, password=password, name=name, roles=STAFF_ROLES)
    with core.database.write() as tx:
        # The audit log's lock makes two bootstraps at once wait for each other.
        audit.lock(tx)
        _refuse_second_bootstrap(repository.staff_exists(tx.connection))
        account = make(tx)
        audit.append(
            tx, "staff_bootstrapped", f"account:{account.id}", actor="anonymous", roles=",".join(account.roles)
        )
    _take_away(path)
    return account


def create_staff(
    core: Core, key: RequestKey, principal: Principal, *, email: str, password: str, name: str, roles: list[str]
) -> Account:
    """A staff account, active at once. Raises AlreadyExists when the address has an account of any kind."""
    make = _prepare(core, email=email, password=password, name=name, roles=roles)

    def act() -> str:
        made = make(tx)
        audit.append(tx, "staff_created", f"account:{made.id}", actor=principal.actor, roles=",".join(made.roles))
        return made.id

    with core.database.write() as tx:
        account = repository.account_by_id(tx.connection, tx.once(key, act))
    assert account is not None
    return account


def staff_names(core: Core, ids: Collection[str]) -> dict[str, str]:
    """Names of staff accounts by id, whatever their state; members' and unknown ids are left out.

    Raises Invalid for more than MOST_NAMES.
    """
    if len(ids) > MOST_NAMES:
        raise Invalid(f"{len(ids)} ids are too many: ask for at most {MOST_NAMES} names at once.", field="ids")
    with core.database.read() as connection:
        return repository.staff_names(connection, ids)


def _prepare(
    core: Core, *, email: str, password: str, name: str, roles: list[str] | tuple[str, ...]
) -> Callable[[Transaction], Account]:
    """Checks the fields and hashes the password outside any transaction; gives what stores the account."""
    mistakes = Mistakes()
    address = mistakes.check(lambda: parse_email(email), "")
    person = mistakes.check(lambda: parse_name(name), "")
    no_roles: tuple[str, ...] = ()
    wanted = mistakes.check(lambda: parse_roles(roles), no_roles)
    text = mistakes.check(lambda: check_password(password, email=address, name=person, context=core.context), "")
    mistakes.raise_any()
    password_hash = core.hasher.hash(text)

    def make(tx: Transaction) -> Account:
        made = Account(new_id(), address, person, core.default_language, "staff", "active", wanted, tx.clock.now())
        if not repository.add_account(tx, made, email_key(address), password_hash):
            raise AlreadyExists(f"{address} has an account already: use another address.", "EMAIL_TAKEN")
        return made

    return make


def _refuse_second_bootstrap(staff_exists: bool) -> None:
    if staff_exists:
        raise Refused(
            "There is a staff account already: let somebody with the role security create more.", "STAFF_EXISTS"
        )
