"""How many attempts are taken. Only failures count towards sign-in: a success gives its attempt back."""

from datetime import timedelta

from services.chassis.attempts import Limit

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)

#: From one network against one address: five at once, then one every three minutes.
SIGN_IN_PAIR = Limit("sign_in_pair", 5, 3 * _MINUTE)
#: Against one address from everywhere; networks it has signed in from are exempt, so nobody can lock its owner out there.
SIGN_IN_ADDRESS = Limit("sign_in_address", 20, 3 * _MINUTE)
#: From one network against all addresses.
SIGN_IN_NETWORK = Limit("sign_in_network", 50, 30 * _SECOND)
#: From everywhere against all addresses.
SIGN_IN_ALL = Limit("sign_in_all", 600, _SECOND)
#: A network counts as an address' own for this long after its last sign-in there.
KNOWN_ORIGIN_FOR = timedelta(days=90)

#: Mails to one address.
MAIL_ADDRESS = Limit("mail_address", 4, 15 * _MINUTE)
#: Registrations and forgotten passwords from one network: a cooperative's own office registers many members.
MAIL_NETWORK = Limit("mail_network", 60, _MINUTE)
MAIL_ALL = Limit("mail_all", 600, 2 * _SECOND)

#: Wrong current passwords of somebody who is signed in.
PASSWORD_CHANGE = Limit("password_change", 5, 3 * _MINUTE)
#: The one-time secret of the first staff account.
BOOTSTRAP = Limit("bootstrap", 5, _MINUTE)
