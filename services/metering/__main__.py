"""python -m services.metering serve|work|migrate|all"""

from services.chassis.command import main
from services.metering.app import build
from services.metering.settings import Settings

main("metering", Settings, build)
