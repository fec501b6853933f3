from services.billing.app import build
from services.billing.settings import Settings
from services.chassis.service import main

main("billing", Settings, build)
