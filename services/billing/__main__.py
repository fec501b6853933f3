from services.billing.app import build
from services.billing.settings import Settings
from services.chassis.command import main

main("billing", Settings, build)
