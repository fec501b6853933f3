"""How many attempts to associate are taken. They count whatever was found, so a refusal tells nothing."""

from datetime import timedelta

from services.chassis.attempts import Limit

_MINUTE = timedelta(minutes=1)

ASSOCIATE_ACCOUNT = Limit("associate_account", 5, 30 * _MINUTE)
#: The same document from any account: birth dates cannot be tried one after the other.
ASSOCIATE_DOCUMENT = Limit("associate_document", 5, 60 * _MINUTE)
ASSOCIATE_NETWORK = Limit("associate_network", 20, 6 * _MINUTE)
#: Everybody together: 600 at once, then 600 an hour.
ASSOCIATE_ALL = Limit("associate_all", 600, timedelta(seconds=6))
#: Codes typed by one account, besides the tries each code has.
CONFIRM_ACCOUNT = Limit("confirm_account", 10, 6 * _MINUTE)
#: Invitation codes named by one account.
NAME_INVITATION = Limit("name_invitation", 10, 6 * _MINUTE)
